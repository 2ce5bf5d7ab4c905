// `npm run soak`, `npm run stress`, `npm run bench`: load and measurement in the system's Chromium, each with plain hls.js beside it. Installs and
// builds what is missing, and passes its own arguments on. None is part of `npm test`.
import { chromiumTool, findChromium } from "./lib/browsers.mjs";
import { buildTestBinaries } from "./lib/builds.mjs";
import { start } from "./lib/children.mjs";
import { command } from "./lib/command.mjs";
import { inRoot } from "./lib/places.mjs";
import { prepareBrowserTests } from "./lib/prepare.mjs";
import { Stop } from "./lib/steps.mjs";

const LOADS = {
  soak: { command: process.execPath, args: [inRoot("tests/soak.mjs")] },
  bench: { command: process.execPath, args: [inRoot("tests/bench/main.mjs")] },
  stress: { command: "npx", args: ["--no-install", "playwright", "test", "--project=stress"] },
};

await command(async () => {
  const [name, ...args] = process.argv.slice(2);
  const load = LOADS[name];
  if (!load) throw new Stop(`Use: npm run ${Object.keys(LOADS).join(" | npm run ")}`);
  await prepareBrowserTests([chromiumTool], buildTestBinaries);
  const env = { KEYVEIL_CHROMIUM: await findChromium(), KEYVEIL_STRESS: "full" };
  const { code, error } = await start(load.command, [...load.args, ...args], { cwd: inRoot("tests"), env }).ended;
  if (error) throw new Stop(`${load.command}: ${error.message}`);
  return code ?? 1;
});
