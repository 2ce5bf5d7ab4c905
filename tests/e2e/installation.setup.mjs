// Before all that plays: an installation is made once, with its own WebAssembly module, and copied for each of Playwright's workers.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { test } from "@playwright/test";
import { ROOT } from "./lib/installation.mjs";
import { dataOf } from "./lib/shared.mjs";

test("an installation is made for all that follows", () => {
  test.setTimeout(900_000);
  const first = dataOf(0);
  execFileSync(process.execPath, ["scripts/build.mjs", "--data", first], { cwd: ROOT, stdio: "inherit" });
  for (let worker = 1; worker < test.info().config.workers; worker += 1)
    if (!existsSync(dataOf(worker))) cpSync(first, dataOf(worker), { recursive: true });
});
