// Formatters, linters and type checkers of both languages.
import { readdir } from "node:fs/promises";
import { exists } from "./fingerprint.mjs";
import { inRoot } from "./places.mjs";
import { WASM_TARGET } from "./rust.mjs";

/** `[{ name, command, args, env? }]`, quickest first. */
export async function checks() {
  const clippy = ["clippy", "--release", "--locked"];
  const deny = ["--", "-D", "warnings"];
  const wasm = ["-p", "keyveil-player-wasm", "--target", WASM_TARGET];
  return [
    { name: "rustfmt", command: "cargo", args: ["fmt", "--all", "--check"] },
    { name: "biome", command: "npx", args: ["--no-install", "biome", "check", "--error-on-warnings"] },
    ...(await typeScriptPackages()).map((folder) => ({
      name: `tsc ${folder}`,
      command: "npx",
      args: ["--no-install", "tsc", "--noEmit", "--project", folder],
    })),
    { name: "clippy", command: "cargo", args: [...clippy, "--workspace", "--all-targets", ...deny] },
    { name: "clippy wasm32", command: "cargo", args: [...clippy, ...wasm, ...deny] },
  ];
}

async function typeScriptPackages() {
  const folders = [];
  for (const entry of await readdir(inRoot("."), { withFileTypes: true })) {
    if (entry.isDirectory() && (await exists(inRoot(entry.name, "tsconfig.json")))) folders.push(entry.name);
  }
  return folders.sort();
}
