// What tests in browsers need, installed and built.
import { buildPages, buildSdk } from "./builds.mjs";
import { ensureNpmPackages } from "./npm.mjs";
import { ensureRust } from "./rust.mjs";
import { Steps } from "./steps.mjs";
import { ensureSystem, FFMPEG } from "./system.mjs";

/** `browsers`: tools of browsers.mjs; `buildBinaries`: how the native half is built (builds.mjs). */
export async function prepareBrowserTests(browsers, buildBinaries) {
  const steps = new Steps(6);
  await steps.step("ffmpeg and browsers", async (show) => {
    const installed = await ensureSystem([...FFMPEG, ...browsers], show);
    return installed.length > 0 ? `installed ${installed.join(", ")}` : "found";
  });
  await steps.step("Rust and its WebAssembly target", ensureRust);
  await steps.step("npm packages", ensureNpmPackages);
  await steps.step("packager, key-server and the tests' own tools", buildBinaries);
  await steps.step("player SDK", buildSdk);
  await steps.step("pages", buildPages);
}
