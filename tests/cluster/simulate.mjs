// `npm run simulate:cluster [-- --sessions N --rate R]`: one period's key requests of N sessions against two replicas, R a second however
// long they wait, so that a period of 60 s takes N / R seconds. Writes JSON; ends with 1 when a session or a row is missing. docs/SCALE.md says more.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mismatches } from "./lib/period-checks.mjs";
import { underLoad } from "./lib/under-load.mjs";

const SESSIONS_MAX = 1_000_000;
const RATE_MAX = 100_000;
const RATE_MIN = 50;

const { values } = parseArgs({
  options: { sessions: { type: "string", default: "20000" }, rate: { type: "string", default: "1000" } },
});
const sessions = whole("--sessions", values.sessions, 1, SESSIONS_MAX);
const rate = whole("--rate", values.rate, RATE_MIN, RATE_MAX);
const told = await underLoad(simulated);
const wrong = mismatches(sessions, told);
process.stdout.write(`${JSON.stringify({ sessions, ...told, wrong }, null, 2)}\n`);
const { requests, mostMs } = told.period.behind;
if (requests > 0) say(`behind: ${requests} requests were sent up to ${Math.round(mostMs)} ms after they were due`);
for (const each of wrong) say(`wrong: ${each}`);
process.exitCode = wrong.length > 0 ? 1 : 0;

async function simulated({ load, query, cluster, folder }) {
  const kept = join(folder, "sessions");
  const { residentKib: atStart } = await load("titles");
  const before = await bytes(query);
  const opening = await load("sessions", ["--sessions", String(sessions), "--keep", kept]);
  const opened = await bytes(query);
  const period = await load("period", ["--kept", kept, "--rate", String(rate)]);
  const after = await bytes(query);
  const database = {
    bytes: { before, opened, after },
    bytesPerSession: (opened - before) / sessions,
    bytesPerRelease: (after - opened) / sessions,
  };
  say("rows are counted, and the audit log's chain is walked");
  return {
    residentKibAtStart: atStart,
    opening,
    period,
    database,
    rows: await rows(query),
    chain: await chain(cluster),
  };
}

/** Without what PostgreSQL keeps to come back after a crash. */
async function bytes(query) {
  const [[size]] = await query("SELECT pg_database_size(current_database())");
  return Number(size);
}

async function rows(query) {
  const [[count, twice]] = await query("SELECT count(*), count(*) FILTER (WHERE releases = 2) FROM sessions");
  const [[asked]] = await query("SELECT count(DISTINCT session_id) FROM audit WHERE kind = 'keys_released'");
  const kinds = await query("SELECT kind, count(*) FROM audit GROUP BY kind ORDER BY kind");
  const audit = Object.fromEntries(kinds.map(([kind, each]) => [kind, Number(each)]));
  return { sessions: Number(count), releasedTwice: Number(twice), askedInAudit: Number(asked), audit };
}

async function chain(cluster) {
  const begun = performance.now();
  const verified = cluster.keyServer(["audit", "verify"]).then(
    (said) => ({ holds: true, said }),
    (error) => ({ holds: false, said: error.output }),
  );
  return { ...(await verified), secs: (performance.now() - begun) / 1000 };
}

function whole(name, text, least, most) {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
  say(`${name} must be ${least} … ${most}`);
  process.exit(2);
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
