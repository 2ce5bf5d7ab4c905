// The Rust toolchain that rust-toolchain.toml pins, and its WebAssembly target.
import { readFile } from "node:fs/promises";
import { run, works } from "./children.mjs";
import { exists } from "./fingerprint.mjs";
import { inRoot } from "./places.mjs";
import { Stop } from "./steps.mjs";

export const WASM_TARGET = "wasm32-unknown-unknown";

/** Rust from a distribution does too, when it brings the target. */
export async function ensureRust({ wait }) {
  const rustup = await works("rustup");
  if (rustup) await ensureToolchain(wait);
  if (!(await works("cargo"))) {
    throw new Stop(`Missing: Rust ${await channel()}. Install rustup (https://rustup.rs) and try again.`);
  }
  if (await targetInstalled()) return "ready";
  if (!rustup) {
    throw new Stop(`Missing: the ${WASM_TARGET} target of this Rust. Install it, or Rust by rustup, and try again.`);
  }
  wait(`rustup target add ${WASM_TARGET}`);
  await run("rustup", ["target", "add", WASM_TARGET]).catch((error) => {
    throw new Stop(`rustup could not add ${WASM_TARGET}.`, { output: error.output });
  });
  return `${WASM_TARGET} added`;
}

async function ensureToolchain(wait) {
  // Asked for by its file, the toolchain is not always installed by itself: RUSTUP_AUTO_INSTALL may be 0.
  if (await works("rustc")) return;
  const version = await channel();
  wait(`rustup toolchain install ${version}`);
  const components = ["--component", "rustfmt", "--component", "clippy", "--target", WASM_TARGET];
  await run("rustup", ["toolchain", "install", version, "--profile", "minimal", ...components]).catch((error) => {
    throw new Stop(`rustup could not install Rust ${version}.`, { output: error.output });
  });
}

async function targetInstalled() {
  const libraries = await run("rustc", ["--print", "target-libdir", "--target", WASM_TARGET]).catch(() => "");
  return libraries !== "" && exists(libraries.trim());
}

async function channel() {
  const text = await readFile(inRoot("rust-toolchain.toml"), "utf8");
  return /^channel\s*=\s*"([^"]+)"/m.exec(text)?.[1] ?? "stable";
}
