// `npm run faults:cluster [-- --seed N] [-- --runs N] [-- --only "kill replica,kill s3"]`: faults on clusters at work, one cluster for
// each run, after one whose losses must be found. The table of outcomes goes to standard output and to tests/test-results/cluster-faults.md. The same seed strikes at the same
// moments, as far as processes let themselves be repeated. Ends with 1 when anything was lost, or a fault could not be had.
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { stopAll } from "../../scripts/lib/children.mjs";
import { inRoot } from "../../scripts/lib/places.mjs";
import { numbers } from "../cdn/lib/altered.mjs";
import { runFault } from "./lib/fault-run.mjs";
import { CONTROL, FAULTS } from "./lib/faults.mjs";

const OUT = inRoot("tests/test-results/cluster-faults.md");
const LOGS = inRoot("tests/test-results/cluster-faults");

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, runs: { type: "string" }, only: { type: "string" } },
});
const seed = number("seed", values.seed);
const faults = chosen(values.only);
const runs = number("runs", values.runs ?? String(faults.length));

const rows = [];
for (let run = 0; run <= runs; run += 1) {
  const row = await outcome(run === 0 ? CONTROL : faults[(run - 1) % faults.length], run);
  rows.push(row);
  process.stderr.write(`${line(row)}\n`);
}
const text = table(rows);
mkdirSync(inRoot("tests/test-results"), { recursive: true });
writeFileSync(OUT, text);
process.stdout.write(text);
await stopAll();
// A request that nobody waits for any more may still hang.
process.exit(rows.every(({ wrong }) => wrong.length === 0) ? 0 : 1);

async function outcome(fault, run) {
  const logFile = `${LOGS}/${run}-${fault.name.replaceAll(" ", "-")}.log`;
  const missing = fault.missing?.() ?? null;
  if (missing !== null) return { run, fault: fault.name, wrong: [missing] };
  try {
    const row = await runFault(fault, { random: numbers(seed * 1000 + run), logFile });
    return { run, ...row, ...(fault.expects && judged(fault.expects, row)) };
  } catch (error) {
    return { run, fault: fault.name, wrong: [`${error.message.slice(0, 2000)} (${logFile})`] };
  }
}

/** Of a control all that is expected has to be found. */
function judged(expects, { wrong, target }) {
  const missed = expects.filter((one) => !wrong.some((sentence) => one.test(sentence)));
  return { target: `${target}: found`, wrong: missed.map((one) => `${one} was not found: ${target}`) };
}

function chosen(only) {
  if (only === undefined) return FAULTS;
  return only.split(",").map((name) => {
    const found = FAULTS.find((fault) => fault.name === name.trim());
    if (!found) throw new Error(`--only: ${FAULTS.map((fault) => fault.name).join(", ")}`);
    return found;
  });
}

function number(name, value) {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new Error(`--${name} must be a number from 1`);
  return Number(value);
}

function table(all) {
  const lost = all.filter(({ wrong }) => wrong.length > 0).length;
  const head = `Seed ${seed}, ${all.length} runs, ${lost} failed.\n\n`;
  const columns = "| run | fault | what | segments | keys | failed tries | longest stall | outcome |\n";
  return `${head}${columns}| ---: | --- | --- | ---: | ---: | ---: | ---: | --- |\n${all.map((row) => `${line(row)}\n`).join("")}`;
}

function line({ run, fault, target = "", segments = "", grants = "", troubles = "", stallMs = null, wrong }) {
  const stall = stallMs === null ? "" : `${(stallMs / 1000).toFixed(1)} s`;
  const said = wrong.length === 0 ? "all well" : wrong.join("; ").replaceAll("\n", " ").replaceAll("|", "/");
  return `| ${[run, fault, target, segments, grants, troubles, stall, said].join(" | ")} |`;
}
