// `npm run attacks`: installs and builds what is missing, runs the attack suite of tests/attacks alone, and prints its table, which
// is written to tests/test-results/attacks.md, too. It is part of `npm test`.
//
//   KEYVEIL_CHROMIUM   the browser to use, when it is not found by itself
import { chromiumTool } from "./lib/browsers.mjs";
import { buildNative, buildPages, buildSdk } from "./lib/builds.mjs";
import { command } from "./lib/command.mjs";
import { ensureNpmPackages } from "./lib/npm.mjs";
import { playwrightSuites } from "./lib/playwright.mjs";
import { ensurePythonTools } from "./lib/python-tools.mjs";
import { ensureRust } from "./lib/rust.mjs";
import { Steps } from "./lib/steps.mjs";
import { runSuites } from "./lib/suite.mjs";
import { ensureSystem, FFMPEG, PYTHON_VENV } from "./lib/system.mjs";

await command(async () => {
  const steps = new Steps(7);
  await steps.step("ffmpeg, Chromium, Python", async (show) => {
    const installed = await ensureSystem([...FFMPEG, chromiumTool, PYTHON_VENV], show);
    return installed.length > 0 ? `installed ${installed.join(", ")}` : "found";
  });
  await steps.step("Python tools in .venv", ensurePythonTools);
  await steps.step("Rust and its WebAssembly target", ensureRust);
  await steps.step("npm packages", ensureNpmPackages);
  await steps.step("packager, key-server and native tests", buildNative);
  await steps.step("player SDK", buildSdk);
  await steps.step("pages", buildPages);
  const playwright = await playwrightSuites();
  return runSuites([{ ...playwright("attacks", "attacks"), kind: "tests" }]);
});
