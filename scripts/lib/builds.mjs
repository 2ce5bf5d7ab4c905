// What is built, and when it need not be: cargo and player-wasm/build.mjs know for themselves, the pages by a fingerprint.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "./children.mjs";
import { fingerprint, unlessUnchanged } from "./fingerprint.mjs";
import { inRoot, targetDir } from "./places.mjs";
import { Stop } from "./steps.mjs";

const stamp = (name) => join(targetDir, "keyveil-stamps", name);
const RUST = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"].concat(
  ["bitsliced-aes", "simd-chacha", "protocol"].flatMap((crate) => [`${crate}/Cargo.toml`, `${crate}/src`]),
);
const SDK = [...RUST, "package-lock.json", "player-wasm"];

const SERVERS = ["-p", "keyveil-packager", "-p", "keyveil-key-server"];

/** The `packager` and `key-server` binaries. */
export async function buildServers(show) {
  return cargo(["build", "--release", "--locked", ...SERVERS], show);
}

/**
 * In the environment of cargo: some runners of tests are not optimized. Their futures are larger then: a test's thread needs more
 * than the usual 2 MiB. Who has a wrapper of their own, a cache for example, keeps it.
 */
export const lighterTests = {
  RUST_MIN_STACK: String(16 * 1024 * 1024),
  ...(process.env.RUSTC_WRAPPER ? {} : { RUSTC_WRAPPER: inRoot("scripts/lib/rustc-tests.sh") }),
};

/** The native tests, the servers and the binaries that only tests use: one graph of crates, each compiled once. */
export async function buildNative(show) {
  const tests = ["--workspace", "--exclude", "keyveil-bindgen"];
  // A test that does not compile is for `cargo test` itself to tell, among the others.
  const compile = ["test", "--no-run", "--release", "--locked", ...tests];
  const said = await cargo(compile, show, lighterTests).catch(() => "not all tests compile");
  await buildTestBinaries(show);
  return said;
}

/** The servers, and the binaries that only tests use. */
export async function buildTestBinaries(show) {
  return cargo(["build", "--release", "--locked", "--bins", ...SERVERS, "-p", "keyveil-tests"], show);
}

/** The wasm-bindgen tools, unoptimized because they run for a second. */
export async function buildBindgenTools(show) {
  return cargo(["build", "--locked", "--bins", "-p", "keyveil-bindgen"], show);
}

export const bindgenTestRunner = join(targetDir, "debug", "bindgen-test-runner");

/** The page and worker half of the SDK: player-wasm/dist. */
export async function buildSdk(show) {
  return playerBuild(show, "buildSdk");
}

/** The pages: www/dist. */
export async function buildPages({ wait }) {
  const sources = ["www", ...SDK];
  const ran = await unlessUnchanged(
    stamp("www"),
    await fingerprint(sources),
    [inRoot("www/dist/index.html")],
    async () => {
      wait("vite build");
      await checked("npm", ["run", "build", "--workspace", "www"]);
    },
  );
  return ran ? "built" : "unchanged";
}

async function cargo(args, { wait }, env = {}) {
  let compiled = 0;
  const onLine = (line) => {
    const crate = /^\s*(?:Compiling|Downloading|Downloaded|Updating|Blocking)\s+(.*)$/.exec(line);
    if (crate === null) return;
    if (/^\s*Compiling/.test(line)) compiled += 1;
    // Every line would be a flood where there is no terminal to redraw.
    if (process.stderr.isTTY || compiled % 50 === 1)
      wait(`${line.trim()}${compiled > 0 ? ` (crate ${compiled})` : ""}`);
  };
  await checked("cargo", args, onLine, env);
  return compiled > 0 ? `built, ${compiled} crates` : "unchanged";
}

/** player-wasm/build.mjs, in a process of its own, so that an interrupt ends it and all it started. */
async function playerBuild({ wait }, name) {
  const module = pathToFileURL(inRoot("player-wasm/build.mjs")).href;
  const script = [
    `import { ${name} } from ${JSON.stringify(module)};`,
    `const built = await ${name}();`,
    "console.log(built ? 'built' : 'unchanged');",
  ];
  const onLine = (line) => line.startsWith("player: ") && wait(line.slice("player: ".length));
  const said = await checked(process.execPath, ["--input-type=module", "--eval", script.join("\n")], onLine);
  return said.trim().split("\n").at(-1);
}

async function checked(command, args, onLine, env = {}) {
  try {
    return await run(command, args, { onLine, env });
  } catch (error) {
    throw new Stop(`${[command, ...args.slice(0, 2)].join(" ").split("\n")[0]} failed.`, {
      output: error.output ?? error.message,
    });
  }
}
