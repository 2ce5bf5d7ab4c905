// `npm start [-- FILE]`: from a fresh clone to a page that plays an encrypted video.
//
// Installs what is missing (ffmpeg by apt-get, the pinned Rust and its WebAssembly target by rustup, npm packages), builds
// what has changed, starts the key server, makes a demonstration application and a person once, uploads FILE (or a minute of
// video it makes with ffmpeg) to be transcoded, encrypted and published by the server's own worker, unless the same file is
// there already, and prints on standard output
//
//   player: URL
//   console: URL
//   sign in: NAME PASSWORD
//
// Then it serves until it is interrupted, and ends everything it started. Everything else it says goes to standard error.
//
//   KEYVEIL_PORT       where the key server listens on 127.0.0.1 (8080)
//   KEYVEIL_DATA       the data folder: database, root key, media, demo.json with the demonstration's credentials (./data)
//   KEYVEIL_WORKFLOW   JSON of workflow settings that differ from the built-in `adaptive`, such as `{"segmentSecs":2}`
import { join, resolve } from "node:path";
import { buildPages, buildSdk, buildServers } from "./lib/builds.mjs";
import { stop } from "./lib/children.mjs";
import { synthesizeClip } from "./lib/clip.mjs";
import { command } from "./lib/command.mjs";
import { Demo } from "./lib/demo.mjs";
import { exists } from "./lib/fingerprint.mjs";
import { checkPortFree, Installation } from "./lib/installation.mjs";
import { ensureNpmPackages } from "./lib/npm.mjs";
import { dataDir, port } from "./lib/places.mjs";
import { ensureRust } from "./lib/rust.mjs";
import { Steps, Stop, say } from "./lib/steps.mjs";
import { ensureSystem, FFMPEG } from "./lib/system.mjs";
import { uploadOnce } from "./lib/upload.mjs";

await command(main, { interruptedCode: 0 });

async function main() {
  const file = await fileArgument();
  const installation = new Installation(dataDir(), checkedPort());
  await checkPortFree(installation.port);
  const steps = new Steps(10);
  await install(steps);
  await build(steps, installation);

  let server = null;
  await steps.step("key server", async (show) => {
    server = await installation.serve(show);
    return `ready at ${installation.url}`;
  });
  try {
    const { demo, player } = await demonstrate(steps, installation, file);
    process.stdout.write(`player: ${player}\n`);
    process.stdout.write(`console: ${installation.url}/console/\n`);
    process.stdout.write(`sign in: ${demo.user.name} ${demo.user.password}\n`);
    say("\nServing until interrupted (Ctrl-C).");
    server.showLog();
    const { code } = await server.ended;
    throw new Stop(`The key server ended by itself with exit code ${code}.`);
  } finally {
    await stop(server);
  }
}

async function install(steps) {
  await steps.step("ffmpeg", async (show) => {
    const installed = await ensureSystem(FFMPEG, show);
    return installed.length > 0 ? `installed ${installed.join(", ")}` : "found";
  });
  await steps.step("Rust and its WebAssembly target", ensureRust);
  await steps.step("npm packages", ensureNpmPackages);
}

async function build(steps, installation) {
  await steps.step("packager and key-server", buildServers);
  await steps.step("player SDK", buildSdk);
  await steps.step("pages", buildPages);
  await steps.step(`installation in ${installation.data}`, async () => {
    await installation.init();
    return `player files ${await installation.writeSdk()}`;
  });
}

async function demonstrate(steps, installation, file) {
  let demo = null;
  await steps.step("demonstration application", async () => {
    const opened = await Demo.open(installation);
    demo = opened.demo;
    await demo.makeWorkflow(workflowSettings());
    return opened.made ? `made, app ${demo.appId}` : `app ${demo.appId}`;
  });
  let player = null;
  await steps.step(file === null ? "demonstration clip" : file, async (show) => {
    const source = file ?? join(installation.data, "demo", "A minute of colour.mp4");
    if (file === null) {
      show.wait("ffmpeg makes a minute of video");
      await synthesizeClip(source, show);
    }
    const { fileId, psign, reused } = await uploadOnce(source, installation, demo, workflowSettings(), show);
    player = `${installation.url}/player/#${new URLSearchParams({ file: fileId, psign })}`;
    return `${reused ? "published already" : "published"} as ${fileId}`;
  });
  return { demo, player };
}

function workflowSettings() {
  const text = process.env.KEYVEIL_WORKFLOW || "{}";
  try {
    return JSON.parse(text);
  } catch {
    throw new Stop(`KEYVEIL_WORKFLOW is not JSON: ${text}`, { code: 2 });
  }
}

/** A path is meant from where the command was given, and a typing error is said before anything is installed or built. */
async function fileArgument() {
  const [file, ...more] = process.argv.slice(2);
  if (file === undefined) return null;
  if (more.length > 0) throw new Stop("usage: npm start [-- FILE]", { code: 2 });
  const path = resolve(process.env.INIT_CWD ?? process.cwd(), file);
  if (await exists(path)) return path;
  throw new Stop(`error[input_not_found]: ${path} does not exist; check the path and its permissions`);
}

function checkedPort() {
  const chosen = port();
  if (chosen === null) throw new Stop(`KEYVEIL_PORT must be 1 … 65535, not "${process.env.KEYVEIL_PORT}"`, { code: 2 });
  return chosen;
}
