// Whether something must be built again: a fingerprint of what it is made from, kept beside what was made.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inRoot } from "./places.mjs";

const NOT_SOURCES = new Set(["node_modules", "dist", "target", ".git", ".vite"]);

/** Path, size and time of change of every file under `paths` (relative to the root), and the given texts. */
export async function fingerprint(paths, texts = []) {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  for (const path of paths) await addTree(hash, inRoot(path));
  return hash.digest("hex");
}

/** Runs `build` unless `output` exists and was made from the same sources. Answers whether it ran. */
export async function unlessUnchanged(stampFile, print, outputs, build) {
  const kept = await readFile(stampFile, "utf8").catch(() => null);
  const there = await Promise.all(outputs.map(exists));
  if (kept === print && there.every(Boolean)) return false;
  await build();
  await writeWhole(stampFile, print);
  return true;
}

export async function exists(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Written aside and renamed, so that a reader never sees half a file. */
export async function writeWhole(path, content, mode = 0o644) {
  await mkdir(dirname(path), { recursive: true });
  const aside = `${path}.${process.pid}.partial`;
  await writeFile(aside, content, { mode });
  await rename(aside, path);
}

async function addTree(hash, path) {
  const entry = await stat(path).catch(() => null);
  if (entry === null) {
    hash.update(`${path} absent\0`);
  } else if (entry.isDirectory()) {
    const names = (await readdir(path)).filter((name) => !NOT_SOURCES.has(name)).sort();
    for (const name of names) await addTree(hash, join(path, name));
  } else {
    hash.update(`${path} ${entry.size} ${entry.mtimeMs}\0`);
  }
}
