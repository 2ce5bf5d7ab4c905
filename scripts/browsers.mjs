// `npm run browsers`: installs Firefox ESR and WebKitGTK by apt-get, too, and plays in them, guarded:
//
//   Firefox tests   the specs of the guarded level in the system's Firefox; tests/playwright.config.mjs names what can't be asked of it
//   WebKit tests    the main parts of playback in WebKitGTK's MiniBrowser
//
// Not part of `npm test`, to which it would add two browsers and the time of the whole guarded level. Ends as `npm test` does.
//
//   KEYVEIL_FIREFOX   the browser to use, when it is not found by itself
import { chromiumTool, firefoxTool, webkitTools } from "./lib/browsers.mjs";
import { buildTestBinaries } from "./lib/builds.mjs";
import { command } from "./lib/command.mjs";
import { playwrightSuites } from "./lib/playwright.mjs";
import { prepareBrowserTests } from "./lib/prepare.mjs";
import { runSuites } from "./lib/suite.mjs";

await command(async () => {
  await prepareBrowserTests([chromiumTool, firefoxTool, ...webkitTools], buildTestBinaries);
  const playwright = await playwrightSuites();
  const suites = [playwright("Firefox tests", "firefox"), playwright("WebKit tests", "webkit")];
  return runSuites(suites.map((suite) => ({ ...suite, kind: "tests" })));
});
