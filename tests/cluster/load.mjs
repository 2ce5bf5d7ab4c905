// `npm run load:cluster [-- --rounds N --millis N]`: what a second replica adds, and what is lost when one is killed under load. Each replica has
// one core of its own, PostgreSQL and the load (tests/src/bin/load, real requests for keys) share the others. Writes JSON.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run, stopAll } from "../../scripts/lib/children.mjs";
import { binary } from "../../scripts/lib/places.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { withChildren } from "../faults/lib/processes.mjs";
import { Cluster } from "./lib/cluster.mjs";
import { Engines } from "./lib/engines.mjs";

/** Of what two took: so much is asked for when one is killed. */
const KILLED_AT = "0.7";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, millis: { type: "string", default: "5000" } },
});
const cores = availableParallelism();
if (cores < 4) process.stderr.write(`${cores} cores are too few: processor time alone tells something here.\n`);
const rest = cores < 4 ? `0-${cores - 1}` : `2-${cores - 1}`;

const folder = scratch();
let engines = null;
try {
  engines = await Engines.start();
  for (const pid of withChildren(engines.postgres.child.pid)) await run("taskset", ["-c", "-p", rest, String(pid)]);
  process.stdout.write(`${JSON.stringify(await measured(), null, 2)}\n`);
} finally {
  await stopAll();
  await engines?.stop();
  remove(folder);
}

async function measured() {
  const data = join(folder, "data");
  const cluster = await Cluster.start({
    data,
    place: await engines.makePlace("keyveil"),
    workers: 0,
    // One address is here as many viewers as there are, and nobody looks at what they ask for.
    env: { KEYVEIL_HTTP_PLAYS_PER_MINUTE: "1000000", KEYVEIL_LOG_FILTER: "error" },
    logFile: join(folder, "log"),
    variant: (number) => ({ wrap: (command, args) => ["taskset", ["-c", String(number % cores), command, ...args]] }),
  });
  try {
    const { appId } = JSON.parse(await cluster.keyServer(["app", "create", "--name", "load", "--json"]));
    const replicas = cluster.replicas.flatMap(({ address, child }) => ["--replica", address, String(child.pid)]);
    const database = ["--database", String(engines.postgres.child.pid)];
    const options = ["--rounds", values.rounds, "--millis", values.millis, "--kill-at", KILLED_AT];
    const args = ["replicas", "--data", data, "--app", String(appId), ...replicas, ...database, ...options];
    return JSON.parse(await run("taskset", ["-c", rest, binary("load"), ...args], { env: cluster.env }));
  } finally {
    await cluster.stop();
  }
}
