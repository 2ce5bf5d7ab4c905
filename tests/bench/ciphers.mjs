// AES-128-CBC decryption in Chromium, one thread, copies included, side by side: `npm run bench:ciphers [-- --rounds 15]`.
// docs/BENCHMARKS.md says what is compared. It builds its wasm with the target features and flags of the player's.
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import config from "../playwright.config.mjs";
import { buildPage } from "./ciphers/build.mjs";
import { servePage } from "./ciphers/serve.mjs";
import { median } from "./table.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" } } });
const rounds = Number(values.rounds);
if (!(rounds >= 1)) {
  console.error("usage: npm run bench:ciphers [-- --rounds N]");
  process.exit(2);
}

const MIB = 1 << 20;
const SIZES = [4 * MIB, MIB / 16];
const OURS = "bitsliced-aes";
/** Least ratio of ours to theirs that is aimed at, by size. */
const GOALS = {
  "hls.js' JavaScript": [5, 5],
  "aes crate": [2.5, 2.5],
  WebCrypto: [1, 0.6],
};

const folder = await buildPage();
const page = await servePage(folder);
const browser = await chromium.launch(config.use.launchOptions);
try {
  const tab = await browser.newPage();
  tab.on("pageerror", (error) => console.error(error));
  await tab.goto(page.url);
  await tab.waitForFunction(() => window.ready === true);
  console.log(`${cpus()[0].model.trim()}, ${availableParallelism()} cores; Chromium ${browser.version()}`);
  console.log(`${rounds} rounds: MiB/s, median, least and most; ratio of ${OURS} to each, from the medians\n`);
  for (const [at, size] of SIZES.entries()) {
    const speeds = await tab.evaluate(([size, rounds]) => window.measure(size, rounds), [size, rounds]);
    print(size, speeds, at);
  }
} finally {
  await browser.close();
  page.close();
}

function print(size, speeds, at) {
  const ours = median(speeds[OURS]);
  console.log(size >= MIB ? `${size / MIB} MiB` : `${size / 1024} KiB`);
  for (const [name, all] of Object.entries(speeds)) {
    const speed = median(all);
    const cells = [name.padEnd(28), speed.toFixed(0).padStart(5)];
    cells.push(`${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)}`.padEnd(11));
    if (name !== OURS) cells.push(`${(ours / speed).toFixed(2)}×`);
    const goal = GOALS[name]?.[at];
    if (goal !== undefined) cells.push(`goal ${goal}×: ${ours / speed >= goal ? "met" : "not met"}`);
    console.log(`  ${cells.join("  ").trimEnd()}`);
  }
  console.log();
}
