// One folder for a whole run of the browser tests. A caller that runs them several times may name one, and removes it.
import { remove, scratch } from "./installation.mjs";

export default function setUp() {
  if (process.env.KEYVEIL_TEST_DATA) return;
  process.env.KEYVEIL_TEST_DATA = scratch();
  return () => remove(process.env.KEYVEIL_TEST_DATA);
}
