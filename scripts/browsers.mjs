// `npm run browsers`: installs Firefox ESR and WebKitGTK by apt-get, too, and plays in them, guarded:
//
//   Firefox tests   the specs of the guarded level in the system's Firefox; tests/playwright.config.mjs names what can't be asked of it
//   WebKit tests    the main parts of playback in WebKitGTK's MiniBrowser
//
// Not part of `npm test`, to which it would add two browsers and the time of the whole guarded level. Ends as `npm test` does.
//
//   KEYVEIL_FIREFOX   the browser to use, when it is not found by itself
import { chromiumTool, firefoxTool, webkitTools } from "./lib/browsers.mjs";
import { buildNative, buildPages, buildSdk } from "./lib/builds.mjs";
import { command } from "./lib/command.mjs";
import { ensureNpmPackages } from "./lib/npm.mjs";
import { playwrightSuites } from "./lib/playwright.mjs";
import { ensureRust } from "./lib/rust.mjs";
import { Steps } from "./lib/steps.mjs";
import { runSuites } from "./lib/suite.mjs";
import { ensureSystem, FFMPEG } from "./lib/system.mjs";

await command(async () => {
  const steps = new Steps(6);
  await steps.step("ffmpeg and browsers", async (show) => {
    const installed = await ensureSystem([...FFMPEG, chromiumTool, firefoxTool, ...webkitTools], show);
    return installed.length > 0 ? `installed ${installed.join(", ")}` : "found";
  });
  await steps.step("Rust and its WebAssembly target", ensureRust);
  await steps.step("npm packages", ensureNpmPackages);
  await steps.step("packager, key-server and native tests", buildNative);
  await steps.step("player SDK", buildSdk);
  await steps.step("pages", buildPages);
  const playwright = await playwrightSuites();
  const suites = [playwright("Firefox tests", "firefox"), playwright("WebKit tests", "webkit")];
  return runSuites(suites.map((suite) => ({ ...suite, kind: "tests" })));
});
