// The segment ciphers in Chromium, side by side: `npm run bench:ciphers [-- --rounds 15]`.
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import config from "../playwright.config.mjs";
import { sizeName, speeds } from "./cipher-rows.mjs";
import { median } from "./table.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" } } });
const rounds = Number(values.rounds);
if (!(rounds >= 1)) {
  console.error("usage: npm run bench:ciphers [-- --rounds N]");
  process.exit(2);
}

const browser = await chromium.launch(config.use.launchOptions);
try {
  console.log(`${cpus()[0].model.trim()}, ${availableParallelism()} cores; Chromium ${browser.version()}`);
  console.log(
    `${rounds} rounds: MiB/s, median, least and most; fastest call; ratio of the first of each to the others,`,
  );
  console.log("from the medians and from the fastest calls\n");
  for (const one of await speeds(browser, rounds, (line) => console.error(line))) print(one);
} finally {
  await browser.close();
}

function print({ cipher, at, size, measured }) {
  const first = measured[cipher.ours];
  const ours = median(first.rounds);
  console.log(`${cipher.name}, ${sizeName(size)}`);
  for (const [name, { rounds: all, fastest }] of Object.entries(measured)) {
    const speed = median(all);
    const cells = [name.padEnd(34), speed.toFixed(0).padStart(5)];
    cells.push(`${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)}`.padEnd(11));
    cells.push(fastest.toFixed(0).padStart(5));
    if (name !== cipher.ours) cells.push(`${(ours / speed).toFixed(2)}×`, `${(first.fastest / fastest).toFixed(2)}×`);
    const goal = cipher.goals[name]?.[at];
    if (goal !== undefined) cells.push(`goal ${goal}×: ${ours / speed >= goal ? "met" : "not met"}`);
    console.log(`  ${cells.join("  ").trimEnd()}`);
  }
  console.log();
}
