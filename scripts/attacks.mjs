// `npm run attacks`: installs and builds what is missing, runs the attack suite of tests/attacks alone, and prints its table, which
// is written to tests/test-results/attacks.md, too. It is part of `npm test`.
//
//   KEYVEIL_CHROMIUM   the browser to use, when it is not found by itself
import { chromiumTool } from "./lib/browsers.mjs";
import { buildTestBinaries } from "./lib/builds.mjs";
import { command } from "./lib/command.mjs";
import { playwrightSuites } from "./lib/playwright.mjs";
import { prepareBrowserTests } from "./lib/prepare.mjs";
import { ensurePythonTools, PYTHON_VENV } from "./lib/python-tools.mjs";
import { Steps } from "./lib/steps.mjs";
import { runSuites } from "./lib/suite.mjs";

await command(async () => {
  await prepareBrowserTests([chromiumTool, PYTHON_VENV], buildTestBinaries);
  await new Steps(1).step("Python tools in .venv", ensurePythonTools);
  const playwright = await playwrightSuites();
  return runSuites([{ ...playwright("attacks", "attacks"), kind: "tests" }]);
});
