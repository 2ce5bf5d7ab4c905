// Builds the SDK: `buildSdk()` makes dist/ of the npm package, with the template that `key-server build write` makes each
// installation's own wasm of. Work whose inputs, by content, are those of the last time is skipped.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { EXTERNAL, WORKER_DEFINES } from "./sizes.mjs";

const PACKAGE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(PACKAGE);
const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
const DIST = join(PACKAGE, "dist");
const GLUE = join(PACKAGE, "ts", "generated");
const WASM_TARGET = "wasm32-unknown-unknown";
const CRATE = "keyveil-player-wasm";
const CARGO_HOME = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
const { resolve: resolveModule } = createRequire(import.meta.url);

const RUST_INPUTS = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"].concat(
  ["bitsliced-aes", "simd-chacha", "protocol"].flatMap((crate) => [`${crate}/Cargo.toml`, `${crate}/src`]),
  ["Cargo.toml", "build.mjs", "src"].map((path) => `player-wasm/${path}`),
);
const SDK_INPUTS = [
  ...RUST_INPUTS,
  "package-lock.json",
  "player-wasm/sizes.mjs",
  "player-wasm/ts",
  "player-wasm/tsconfig.json",
  "player-wasm/package.json",
];
/** What rustc emits by default for wasm32, and vectors; wasm-opt may use no more, so that no browser is left out. */
const WASM_FEATURES = [
  "bulk-memory",
  "bulk-memory-opt",
  "call-indirect-overlong",
  "multivalue",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "sign-ext",
  "simd",
].map((feature) => `--enable-${feature}`);
/** rustc made the cipher fast (`[profile.wasm]` in Cargo.toml); what comes after it makes the file small. */
export const WASM_OPT_FLAGS = ["-Os", "--converge", "--strip-target-features", ...WASM_FEATURES];

/**
 * dist/ of the npm package. Its keyveil.wasm is a template: it carries no SDK build and so refuses to start a session.
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<boolean>} whether anything had to be built
 */
export async function buildSdk({ log = console.error } = {}) {
  const stampFile = join(DIST, ".stamp");
  const stamp = await contentStamp(SDK_INPUTS.map((path) => join(ROOT, path)));
  if (await isCurrent(stampFile, stamp)) return false;
  await rm(stampFile, { force: true });
  await buildGlue({ log });
  await rm(DIST, { recursive: true, force: true });
  await mkdir(DIST, { recursive: true });
  await copyFile(join(TARGET, "player-wasm", "keyveil.wasm"), join(DIST, "keyveil.wasm"));
  log("player: bundling index.js, element.js and worker.js");
  await bundle({ index: "index.ts", element: "element.ts" }, { external: EXTERNAL });
  await bundle({ worker: "worker/worker.ts" }, { minify: true, define: WORKER_DEFINES });
  await copyFile(resolveModule("hls.js/dist/hls.worker.js"), join(DIST, "hls.worker.js"));
  log("player: writing type declarations");
  await run("node", [
    join(dirname(resolveModule("typescript/package.json")), "bin", "tsc"),
    "-p",
    "tsconfig.json",
    "--noEmit",
    "false",
  ]);
  await writeFile(stampFile, stamp);
  return true;
}

/**
 * The JavaScript around the wasm module, which type checks and tests need too; and the wasm itself beside it.
 * @param {{ log?: (line: string) => void }} [options]
 */
export async function buildGlue({ log = console.error } = {}) {
  const outFile = join(TARGET, "player-wasm", "keyveil.wasm");
  const stampFile = `${outFile}.stamp`;
  const stamp = await contentStamp(RUST_INPUTS.map((path) => join(ROOT, path)));
  if ((await isCurrent(stampFile, stamp)) && (await exists(outFile)) && (await exists(join(GLUE, "keyveil.js"))))
    return;
  await compileWasm({ outFile, glueDir: GLUE, log });
  await writeFile(stampFile, stamp);
}

/** cargo → wasm-bindgen at the version of Cargo.lock → wasm-opt. The result is put in place whole or not at all. */
async function compileWasm({ outFile, glueDir, log }) {
  await mkdir(dirname(outFile), { recursive: true });
  await mkdir(TARGET, { recursive: true });
  const scratch = await mkdtemp(join(TARGET, "player-wasm-"));
  try {
    log("player: compiling the decryptor");
    await run("cargo", ["build", "--locked", "--quiet", "--profile", "wasm", "--target", WASM_TARGET, "-p", CRATE], {
      CARGO_TARGET_DIR: TARGET,
      // Panic messages name source files: neither the builder's folders nor a difference between builders belong there.
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: `-C target-feature=+simd128 ${remapped(await sourceFolders())}`,
    });
    const compiled = join(TARGET, WASM_TARGET, "wasm", `${CRATE.replaceAll("-", "_")}.wasm`);
    log("player: making its bindings");
    const bindgen = ["run", "--locked", "--quiet", "-p", "keyveil-bindgen", "--bin", "bindgen", "--"];
    const flags = [
      "--target",
      "web",
      "--omit-default-module-path",
      "--remove-name-section",
      "--remove-producers-section",
    ];
    const out = ["--out-dir", scratch, "--out-name", "keyveil"];
    await run("cargo", [...bindgen, ...flags, ...out, compiled], { CARGO_TARGET_DIR: TARGET });
    log("player: optimizing it");
    const wasmOpt = join(dirname(resolveModule("binaryen")), "bin", "wasm-opt");
    const optimized = join(scratch, "optimized.wasm");
    await run("node", [wasmOpt, ...WASM_OPT_FLAGS, join(scratch, "keyveil_bg.wasm"), "-o", optimized]);
    await rename(optimized, `${outFile}.partial`);
    await rename(`${outFile}.partial`, outFile);
    await mkdir(glueDir, { recursive: true });
    for (const name of ["keyveil.js", "keyveil.d.ts"]) await copyFile(join(scratch, name), join(glueDir, name));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Folder → what stands for it. A registry's has its address in its name. Of two that fit, the compiler takes the later. */
async function sourceFolders() {
  const registries = join(CARGO_HOME, "registry", "src");
  const names = await readdir(registries).catch(() => []);
  return [[CARGO_HOME, "cargo"], [ROOT, "keyveil"], ...names.map((name) => [join(registries, name), "cargo"])];
}

function remapped(folders) {
  return folders.map(([from, to]) => `--remap-path-prefix=${from}=${to}`).join(" ");
}

async function bundle(entries, { external = [], minify = false, define = {} }) {
  const input = Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(PACKAGE, "ts", file)]));
  const build = await rolldown({ input, external, platform: "browser", transform: { define } });
  await build.write({
    dir: DIST,
    format: "esm",
    minify,
    entryFileNames: "[name].js",
    // Flat: each file finds worker.js, keyveil.wasm and hls.worker.js beside itself.
    chunkFileNames: "[name]-[hash].js",
  });
  await build.close();
}

function run(command, args, env = {}) {
  return new Promise((done, fail) => {
    // Standard output is the caller's own: what tools say goes to standard error.
    const child = spawn(command, args, { cwd: PACKAGE, env: { ...process.env, ...env }, stdio: ["ignore", 2, 2] });
    child.on("error", (cause) => fail(new Error(`${command} can't be started: ${cause.message}`)));
    child.on("exit", (code, signal) => {
      if (code === 0) done();
      else fail(new Error(`${basename(command)} ${args.slice(0, 3).join(" ")} … failed (${signal ?? code})`));
    });
  });
}

/** One hash over the names and contents of files and folders. What the build itself writes is left out. */
async function contentStamp(paths) {
  const hash = createHash("sha256").update(process.version);
  for (const path of paths) {
    for (const file of await filesOf(path)) {
      hash.update(`\n${relative(ROOT, file)}\n`).update(await readFile(file));
    }
  }
  return hash.digest("hex");
}

async function filesOf(path) {
  if (path === GLUE) return [];
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).sort();
  return (await Promise.all(names.map((name) => filesOf(join(path, name))))).flat();
}

async function isCurrent(stampFile, stamp) {
  return (await readFile(stampFile, "utf8").catch(() => "")) === stamp;
}

const exists = (path) => stat(path).then(Boolean, () => false);

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const built = await buildSdk();
  console.error(built ? "player: dist/ is built" : "player: dist/ is up to date");
}
