// What a whole run of the browser tests shares: an installation for each of Playwright's workers, and files that are made once in it.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Copies of one installation, so that two key servers have a data folder each. */
export const dataOf = (worker) => join(process.env.KEYVEIL_TEST_DATA, String(worker));

/** That of the worker this runs in. */
export const ownData = () => dataOf(process.env.TEST_PARALLEL_INDEX ?? 0);

/**
 * The file or folder `name` of this worker. Where it is not there yet, `make(folder)` makes one of the same base name in `folder`;
 * it is put in place whole or not at all.
 */
export function shared(name, make) {
  const path = join(ownData(), "shared", name);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const folder = mkdtempSync(`${path}-`);
  make(folder);
  renameSync(join(folder, basename(path)), path);
  rmSync(folder, { recursive: true });
  return path;
}
