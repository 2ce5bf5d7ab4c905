// npm packages as package-lock.json names them.
import { readFile } from "node:fs/promises";
import { run } from "./children.mjs";
import { exists, fingerprint, unlessUnchanged } from "./fingerprint.mjs";
import { inRoot } from "./places.mjs";
import { Stop } from "./steps.mjs";

const STAMP = inRoot("node_modules/.keyveil-lock");

export async function ensureNpmPackages({ wait }) {
  const lock = await readFile(inRoot("package-lock.json"), "utf8");
  const print = await fingerprint([], [lock, process.version]);
  const ran = await unlessUnchanged(STAMP, print, [inRoot("node_modules/.bin/vite")], async () => {
    wait((await exists(inRoot("node_modules"))) ? "npm ci: the lockfile changed" : "npm ci");
    // Playwright's own browsers are not used: Chromium comes from the system.
    const env = { PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: "1" };
    await run("npm", ["ci", "--no-audit", "--no-fund"], { env }).catch((error) => {
      throw new Stop("npm ci failed.", { output: error.output });
    });
  });
  return ran ? "installed" : "unchanged";
}
