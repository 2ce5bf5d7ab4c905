// One folder for a whole run of the browser tests, and in the set-up `cluster` one set of engines. A caller that runs them several times
// may name the folder, and removes it.
import { rmSync } from "node:fs";
import { isCluster } from "../../../scripts/lib/set-up.mjs";
import { startEngines } from "../../cluster/lib/setup.mjs";
import { remove, scratch } from "./installation.mjs";
import { dataOf } from "./shared.mjs";

export default async function setUp() {
  const isOurs = !process.env.KEYVEIL_TEST_DATA;
  if (isOurs) process.env.KEYVEIL_TEST_DATA = scratch();
  // What an earlier run's engines knew is gone with them.
  if (isCluster()) rmSync(dataOf(0), { recursive: true, force: true });
  const stopEngines = isCluster() ? await startEngines() : () => null;
  return async () => {
    await stopEngines();
    if (isOurs) remove(process.env.KEYVEIL_TEST_DATA);
  };
}
