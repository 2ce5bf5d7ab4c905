// `npm run faults:cluster [-- OPTIONS]`: installs and builds what is missing, and hits clusters at work as tests/cluster/faults.mjs says,
// whose options these are. As root, disks can be full and networks cut, too. It is no part of `npm test`.
import { buildServers } from "./lib/builds.mjs";
import { start } from "./lib/children.mjs";
import { command } from "./lib/command.mjs";
import { inRoot } from "./lib/places.mjs";
import { prepareClusterTests } from "./lib/prepare.mjs";
import { pythonTool } from "./lib/python-tools.mjs";
import { Stop } from "./lib/steps.mjs";

await command(async () => {
  await prepareClusterTests(buildServers);
  const env = { KEYVEIL_MOTO_SERVER: pythonTool("moto_server") };
  const args = [inRoot("tests/cluster/faults.mjs"), ...process.argv.slice(2)];
  const { code, error } = await start(process.execPath, args, { env }).ended;
  if (error) throw new Stop(`the fault runs: ${error.message}`);
  return code ?? 1;
});
