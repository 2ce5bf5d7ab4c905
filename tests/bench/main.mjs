// `npm run bench`: every benchmark in one run, and one table metric × ours × peers × ratio × goal. docs/BENCHMARKS.md says what each
// row is and how to repeat it.
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import config from "../playwright.config.mjs";
import { plotOf } from "./plot.mjs";
import { goalsOf, tableOf } from "./table.mjs";

/** Each exports `rows(context)`. */
const BENCHMARKS = ["levels", "startup", "streaming", "ciphers", "packaging", "server", "instructions"];
const RESULTS = "test-results/bench";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    only: { type: "string", default: BENCHMARKS.join(",") },
    plots: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const names = values.only.split(",");
if (!(rounds >= 1) || !names.every((name) => BENCHMARKS.includes(name))) {
  console.error(`usage: npm run bench [-- --rounds N] [--only ${BENCHMARKS.join(",")}] [--quick] [--plots]`);
  process.exit(2);
}

const folders = [];
let launched;
const context = {
  rounds,
  quick: values.quick,
  browser() {
    launched ??= chromium.launch(config.use.launchOptions);
    return launched;
  },
  scratch() {
    const folder = scratch();
    folders.push(folder);
    return folder;
  },
  log: (line) => process.stderr.write(`${line}\n`),
};

const rows = [];
const failed = [];
try {
  for (const name of names) {
    const startedMs = Date.now();
    context.log(`${name} …`);
    try {
      const { rows: measured } = await import(`./${name}.mjs`);
      rows.push(...(await measured(context)));
    } catch (error) {
      // What others measured is not lost.
      failed.push(name);
      console.error(`${name}:`, error);
    }
    context.log(`${name}: ${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
  }
  report();
} finally {
  await (await launched)?.close();
  for (const folder of folders) remove(folder);
}
process.exitCode = failed.length > 0 ? 1 : 0;

function report() {
  const machine = `${cpus()[0].model.trim()}, ${availableParallelism()} cores, ${rounds} rounds: median (least–most)`;
  const { all, met } = goalsOf(rows);
  const end = failed.length > 0 ? `\n\nFailed, and so not in the table: ${failed.join(", ")}` : "";
  const text = `${machine}\n\n${tableOf(rows)}\n\n${met} of ${all} goals met${end}\n`;
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, "bench.md"), text);
  writeFileSync(join(RESULTS, "bench.json"), JSON.stringify({ machine, rows }, null, 2));
  console.log(`\n${text}\nWritten to ${resolve(RESULTS)}`);
  if (values.plots) plot();
}

function plot() {
  for (const { group, metric, unit, series, axes } of rows.filter((row) => row.series?.length > 0)) {
    const name = `${group} ${metric}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const file = join(RESULTS, `${name}.svg`);
    writeFileSync(file, plotOf(metric, series, axes ?? { x: "", y: unit }));
    console.log(resolve(file));
  }
}
