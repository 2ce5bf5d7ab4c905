// Formatters, linters and type checkers of both languages.
import { readdir } from "node:fs/promises";
import { exists } from "./fingerprint.mjs";
import { inRoot } from "./places.mjs";
import { WASM_TARGET } from "./rust.mjs";

/** `[{ name, command, args, env? }]`, quickest first. */
export async function checks() {
  const clippy = ["clippy", "--locked"];
  const deny = ["--", "-D", "warnings"];
  // `cargo clippy` checks every dependency anew. The wasm-bindgen tools have two hundred, and six lines of their own: clippy
  // takes the compiler's place in their build, which the SDK has made.
  const native = ["--workspace", "--exclude", "keyveil-bindgen", "--all-targets"];
  // In the profile that the SDK is built in, whose proc macros are there already.
  const crates = ["keyveil-player-wasm", "bitsliced-aes", "simd-chacha"].flatMap((crate) => ["-p", crate]);
  const wasm = ["--profile", "wasm", ...crates, "--target", WASM_TARGET];
  const vectors = { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: "-C target-feature=+simd128" };
  return [
    { name: "lockfiles", command: process.execPath, args: ["scripts/lockfiles.mjs"] },
    { name: "rustfmt", command: "cargo", args: ["fmt", "--all", "--check"] },
    { name: "biome", command: "npx", args: ["--no-install", "biome", "check", "--error-on-warnings"] },
    ...(await typeScriptProjects()).map(({ folder, project }) => ({
      name: `tsc ${folder}`,
      command: "npx",
      args: ["--no-install", "tsc", "--noEmit", "--project", project],
    })),
    { name: "clippy", command: "cargo", args: [...clippy, "--release", ...native, ...deny] },
    { name: "clippy wasm32", command: "cargo", args: [...clippy, ...wasm, ...deny], env: vectors },
    ...["bindgen", "bindgen-test-runner"].map((bin) => ({
      name: `clippy ${bin}`,
      command: "cargo",
      args: ["rustc", "--locked", "-p", "keyveil-bindgen", "--bin", bin, ...deny],
      env: { RUSTC_WORKSPACE_WRAPPER: "clippy-driver" },
    })),
  ];
}

/** Each folder's tsconfig.check.json, where what is checked differs from what is built, or its tsconfig.json. */
async function typeScriptProjects() {
  const projects = [];
  for (const entry of await readdir(inRoot("."), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = entry.name;
    for (const name of ["tsconfig.check.json", "tsconfig.json"]) {
      if (projects.at(-1)?.folder !== folder && (await exists(inRoot(folder, name)))) {
        projects.push({ folder, project: `${folder}/${name}` });
      }
    }
  }
  return projects.sort((a, b) => a.folder.localeCompare(b.folder));
}
