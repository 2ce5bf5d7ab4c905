// Where things lie. Every other module asks here, so that a moved folder is one change.
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
export const inRoot = (...parts) => join(root, ...parts);

export const targetDir = process.env.CARGO_TARGET_DIR ? resolve(root, process.env.CARGO_TARGET_DIR) : inRoot("target");
export const binary = (name) => join(targetDir, "release", name);
export const packagerBinary = binary("packager");
export const keyServerBinary = binary("key-server");

/** The data folder of `npm start`, named by KEYVEIL_DATA. A relative one is meant from where the command was given. */
export function dataDir() {
  return resolve(process.env.INIT_CWD ?? process.cwd(), process.env.KEYVEIL_DATA || inRoot("data"));
}

/** The port of `npm start`, named by KEYVEIL_PORT. */
export function port() {
  const text = process.env.KEYVEIL_PORT || "8080";
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value < 1 || value > 65535) return null;
  return value;
}
