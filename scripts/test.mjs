// `npm test`: installs what is missing (what `npm start` needs, and Chromium, nginx, PostgreSQL, SoftHSM2 and Python's venv by apt-get,
// yt-dlp, streamlink, schemathesis, moto, PyJWT and linters into .venv) and runs everything, also after a failure:
//
//   formatters, linters, type checkers   as `npm run check`
//   cargo test                           every crate, natively
//   database tests                       the key server's, with a PostgreSQL in the place of SQLite
//   wasm tests                           the protocol crate and the player's cipher in WebAssembly
//   independent vectors                  tests/vectors/ by Node's own cryptography
//   memory tests                         the decryptor's memory, searched for keys after each call and within
//   command tests                        the parts of these commands
//   KMS tests                            a server on SoftHSM2 and on moto, which hang, vanish and come back
//   storage tests                        media and sources in a bucket of moto's S3: uploaded at two servers, played, in a browser too,
//                                        made anew, deleted; and S3 that hangs
//   deployment tests                     deploy/: Dockerfile, compose, systemd units, chart, nginx, dashboard and alerts, each by its linter
//   signing samples                      docs/samples in Node, Python, Go, Java and PHP, where these are here
//   fault tests                          processes killed, disks filled, workers that compete: nothing is lost, nothing clear
//   API tests                            every operation of the OpenAPI document, asked by schemathesis
//   import tests                         a title of another vendor's encryption, taken over and played
//   CDN tests                            a title through a real nginx, and 20,000 altered addresses
//   player unit tests, page unit tests   vitest
//   console tests                        Playwright in the system's Chromium: the console before a stand-in for the server
//   browser tests                        Playwright in the system's Chromium: the whole loop, attacks and faults, at each level
//   attacks                              the ways by which keys are stolen from pages, each against the player and against a page that leaks
//
// `npm run browsers` has playback in other browsers.
// Ends with a table, the names of what was skipped, the name of each failed test with what was said of it first, and
// `N passed, N failed, N skipped` as the last line of standard output.
// The exit code is not zero when anything failed.
//
//   KEYVEIL_CHROMIUM   the browser to use, when it is not found by itself
//   KEYVEIL_SETUP      what the browser tests run on: `embedded`, what `npm start` starts, or `cluster`, two servers over one database and
//                      one bucket, with two workers and nginx (embedded)

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { chromiumTool, findChromium } from "./lib/browsers.mjs";
import {
  bindgenTestRunner,
  buildBindgenTools,
  buildNative,
  buildPages,
  buildSdk,
  lighterTests,
} from "./lib/builds.mjs";
import { checks } from "./lib/checks.mjs";
import { command } from "./lib/command.mjs";
import { ensureNpmPackages } from "./lib/npm.mjs";
import { inRoot } from "./lib/places.mjs";
import { playwrightSuites } from "./lib/playwright.mjs";
import { ensurePythonTools, PYTHON_VENV, pythonTool } from "./lib/python-tools.mjs";
import { ensureRust, WASM_TARGET } from "./lib/rust.mjs";
import { isCluster } from "./lib/set-up.mjs";
import { Steps } from "./lib/steps.mjs";
import { runSuites } from "./lib/suite.mjs";
import { CLUSTER, ensureSystem, FFMPEG, NGINX, POSTGRES, SOFTHSM2, SOFTHSM2_MODULE } from "./lib/system.mjs";

await command(async () => {
  await prepare();
  const ofKind = (kind) => (suite) => ({ ...suite, kind });
  return runSuites([...(await checks()).map(ofKind("check")), ...(await suites()).map(ofKind("tests"))]);
});

async function prepare() {
  const steps = new Steps(8);
  const set = isCluster() ? CLUSTER : [];
  await steps.step("ffmpeg, Chromium, nginx, PostgreSQL, SoftHSM2, Python", async (show) => {
    const tools = [...FFMPEG, chromiumTool, NGINX, POSTGRES, ...SOFTHSM2, PYTHON_VENV, ...set];
    const installed = await ensureSystem(tools, show);
    return installed.length > 0 ? `installed ${installed.join(", ")}` : "found";
  });
  await steps.step("Rust and its WebAssembly target", ensureRust);
  // Each of the three uses what the others leave: one waits for the network, one for a single thread of the compiler.
  await Promise.all([
    steps.step("packager, key-server and native tests", buildNative),
    steps.step("Python tools in .venv", ensurePythonTools),
    prepareBrowser(steps),
  ]);
}

async function prepareBrowser(steps) {
  await steps.step("npm packages", ensureNpmPackages);
  await steps.step("wasm-bindgen tools", buildBindgenTools);
  await steps.step("player SDK", buildSdk);
  await steps.step("pages", buildPages);
}

async function suites() {
  const cargo = ["test", "--release", "--locked", "--no-fail-fast"];
  const kms = { KEYVEIL_SOFTHSM2: SOFTHSM2_MODULE, KEYVEIL_MOTO_SERVER: pythonTool("moto_server") };
  const wasmRunner = {
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: bindgenTestRunner,
    // As the player is compiled.
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: "-C target-feature=+simd128",
  };
  const vitest = (folder) => ({ command: "npx", args: ["--no-install", "vitest", "run"], cwd: inRoot(folder) });
  const playwright = await playwrightSuites();
  return [
    // The wasm-bindgen tools have no tests of their own, and take minutes to compile once more.
    // What plain `cargo test` ignores needs SoftHSM2 or moto, which are here. What needs PostgreSQL is among the database tests.
    {
      name: "cargo test",
      command: "cargo",
      args: [
        ...cargo,
        "--workspace",
        "--exclude",
        "keyveil-bindgen",
        "--",
        "--include-ignored",
        "--skip",
        "on_postgres::",
      ],
      env: { ...kms, ...lighterTests },
    },
    // With the cargo suite's environment: nothing is compiled once more.
    { name: "database tests", command: process.execPath, args: [join("tests", "database", "main.mjs")], env: kms },
    {
      name: "wasm tests",
      command: "cargo",
      args: [...cargo, "--target", WASM_TARGET, "-p", "keyveil-protocol", "-p", "bitsliced-aes", "-p", "simd-chacha"],
      env: wasmRunner,
    },
    { name: "independent vectors", ...(await nodeTests("tests/vectors", "tests/e2e", "tests/attacks")) },
    { name: "memory tests", ...(await nodeTests("tests/memory")) },
    { name: "command tests", ...(await nodeTests("scripts", "tests/bench", "tests/cluster")) },
    { name: "KMS tests", ...(await nodeTests("tests/kms")), env: kms },
    { name: "storage tests", ...(await nodeTests("tests/storage")), env: { ...kms, ...(await chromiumFound()) } },
    { name: "deployment tests", ...(await nodeTests("tests/deploy")) },
    { name: "signing samples", ...(await nodeTests("tests/samples")) },
    { name: "fault tests", ...(await nodeTests("tests/faults")) },
    { name: "API tests", ...(await nodeTests("tests/api")), env: { KEYVEIL_SCHEMATHESIS: pythonTool("schemathesis") } },
    { name: "import tests", ...(await nodeTests("tests/import")) },
    { name: "CDN tests", ...(await nodeTests("tests/cdn")) },
    { name: "player unit tests", ...vitest("player-wasm") },
    { name: "page unit tests", ...vitest("www") },
    playwright("console tests", "console"),
    playwright("browser tests", "sealed", "guarded", "installation"),
    // tests/cluster/lib/embedded-only.mjs says why.
    ...(isCluster() ? [] : [playwright("attacks", "attacks")]),
  ];
}

/** What the browser tests of a suite that is none of Playwright's take; by themselves they look on the path. */
async function chromiumFound() {
  const chromium = await findChromium();
  return chromium === null ? {} : { KEYVEIL_CHROMIUM: chromium };
}

/** `node --test` over all `*.test.mjs` below some folders, one file after the other; Node 20 knows no patterns. */
async function nodeTests(...folders) {
  const files = [];
  for (const folder of folders) {
    const below = await readdir(inRoot(folder), { recursive: true });
    const names = below.filter((name) => name.endsWith(".test.mjs") && !name.includes("node_modules")).sort();
    files.push(...names.map((name) => join(folder, name)));
  }
  return { command: process.execPath, args: ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files] };
}
