// `npm run faults:cluster`, `npm run move:cluster`, `npm run load:cluster`, `npm run simulate:cluster [-- OPTIONS]`: installs and builds what is
// missing, and does to clusters what tests/cluster/{faults,move,load,simulate}.mjs say, whose options these are. As root, disks can be full and networks cut, too. None is
// part of `npm test`.
import { buildTestBinaries } from "./lib/builds.mjs";
import { start } from "./lib/children.mjs";
import { command } from "./lib/command.mjs";
import { inRoot } from "./lib/places.mjs";
import { prepareClusterTests } from "./lib/prepare.mjs";
import { pythonTool } from "./lib/python-tools.mjs";
import { Stop } from "./lib/steps.mjs";

const NAMES = ["faults", "move", "load", "simulate"];

await command(async () => {
  const [name, ...rest] = process.argv.slice(2);
  if (!NAMES.includes(name)) throw new Stop(`Use: ${NAMES.map((each) => `npm run ${each}:cluster`).join(" | ")}`);
  await prepareClusterTests(buildTestBinaries);
  const env = { KEYVEIL_MOTO_SERVER: pythonTool("moto_server") };
  const args = [inRoot(`tests/cluster/${name}.mjs`), ...rest];
  const { code, error } = await start(process.execPath, args, { env }).ended;
  if (error) throw new Stop(`${name}: ${error.message}`);
  return code ?? 1;
});
