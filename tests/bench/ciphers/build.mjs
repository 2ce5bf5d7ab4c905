// The page that ciphers.mjs opens, with the wasm it measures: as rustc makes it, and as wasm-opt does with the player's flags.
import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { WASM_OPT_FLAGS } from "../../../player-wasm/build.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "../../..");
const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
const WASM_TARGET = "wasm32-unknown-unknown";
const { resolve: resolveModule } = createRequire(join(ROOT, "player-wasm", "package.json"));

/** @returns {Promise<string>} the folder to serve */
export async function buildPage() {
  const out = join(TARGET, "bench-ciphers");
  await mkdir(out, { recursive: true });
  compile(out, "ciphers", {});
  // The player's crates are compiled for size but for its cipher; the crate it is held against is not.
  compile(out, "ciphers_fast", { CARGO_PROFILE_WASM_OPT_LEVEL: "3" });
  const wasmOpt = join(dirname(resolveModule("binaryen")), "bin", "wasm-opt");
  const [plain, optimized] = ["ciphers_bg.wasm", "ciphers_opt.wasm"].map((name) => join(out, name));
  run(process.execPath, [wasmOpt, ...WASM_OPT_FLAGS, plain, "-o", optimized]);
  const build = await rolldown({
    input: join(HERE, "page.js"),
    platform: "browser",
    resolve: {
      alias: {
        // Not among what the package exports; in its sources it is a file without imports.
        "hls-aes-decryptor": join(dirname(resolveModule("hls.js/package.json")), "src/crypt/aes-decryptor.ts"),
      },
    },
  });
  await build.write({ file: join(out, "page.js"), format: "esm", minify: true });
  await build.close();
  return out;
}

/** `name`_bg.wasm and `name`.js in `out`. */
function compile(out, name, env) {
  run("cargo", ["build", "--locked", "--profile", "wasm", "--target", WASM_TARGET, "-p", "keyveil-bench-ciphers"], {
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: "-C target-feature=+simd128",
    ...env,
  });
  const compiled = join(TARGET, WASM_TARGET, "wasm", "keyveil_bench_ciphers.wasm");
  const bindgen = ["run", "--locked", "--quiet", "-p", "keyveil-bindgen", "--bin", "bindgen", "--"];
  run("cargo", [...bindgen, "--target", "web", "--out-dir", out, "--out-name", name, compiled]);
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, CARGO_TARGET_DIR: TARGET, ...env },
    stdio: ["ignore", 2, 2],
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 2).join(" ")} … failed`);
}
