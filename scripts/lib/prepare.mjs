// What tests in browsers, and on clusters, need, installed and built.
import { buildPages, buildSdk } from "./builds.mjs";
import { ensureNpmPackages } from "./npm.mjs";
import { ensurePythonTools, PYTHON_VENV } from "./python-tools.mjs";
import { ensureRust } from "./rust.mjs";
import { Steps } from "./steps.mjs";
import { CLUSTER, ensureSystem, FFMPEG } from "./system.mjs";

/** `browsers`: tools of browsers.mjs; `buildBinaries`: how the native half is built (builds.mjs). */
export async function prepareBrowserTests(browsers, buildBinaries) {
  const steps = new Steps(6);
  await install(steps, "ffmpeg and browsers", [...FFMPEG, ...browsers]);
  await build(steps, buildBinaries);
}

/** The same for clusters without a browser. */
export async function prepareClusterTests(buildBinaries) {
  const steps = new Steps(7);
  await install(steps, "ffmpeg, PostgreSQL, nginx, libfaketime, Python", [...FFMPEG, ...CLUSTER, PYTHON_VENV]);
  await steps.step("Python tools in .venv", ensurePythonTools);
  await build(steps, buildBinaries);
}

async function install(steps, names, tools) {
  await steps.step(names, async (show) => {
    const installed = await ensureSystem(tools, show);
    return installed.length > 0 ? `installed ${installed.join(", ")}` : "found";
  });
}

async function build(steps, buildBinaries) {
  await steps.step("Rust and its WebAssembly target", ensureRust);
  await steps.step("npm packages", ensureNpmPackages);
  await steps.step("packager, key-server and the tests' own tools", buildBinaries);
  await steps.step("player SDK", buildSdk);
  await steps.step("pages", buildPages);
}
