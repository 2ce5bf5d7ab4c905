// One data folder for a whole run of the browser tests: the first start makes it, with the wasm of that installation, and all
// later ones are second starts, as they are for a user.
import { remove, scratch } from "./installation.mjs";

export default function setUp() {
  process.env.KEYVEIL_TEST_DATA = scratch();
  return () => remove(process.env.KEYVEIL_TEST_DATA);
}
