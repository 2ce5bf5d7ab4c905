// Two replicas that the load program (tests/src/bin/load) asks. Each has one core of its own; PostgreSQL and the load share the others.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run, stopAll } from "../../../scripts/lib/children.mjs";
import { binary } from "../../../scripts/lib/places.mjs";
import { remove, scratch } from "../../e2e/lib/installation.mjs";
import { withChildren } from "../../faults/lib/processes.mjs";
import { Cluster } from "./cluster.mjs";
import { Engines } from "./engines.mjs";

const DATABASE = "keyveil";

/**
 * Starts them, answers what `act` answers, and ends them. `act` gets { load(command, options), query(statement), cluster, folder }: what the load
 * program tells, what the database answers, and an empty folder.
 */
export async function underLoad(act) {
  const cores = availableParallelism();
  if (cores < 4) process.stderr.write(`${cores} cores are too few: processor time alone tells something here.\n`);
  const rest = cores < 4 ? `0-${cores - 1}` : `2-${cores - 1}`;
  const folder = scratch();
  let engines = null;
  try {
    engines = await Engines.start();
    for (const pid of withChildren(engines.postgres.child.pid)) await run("taskset", ["-c", "-p", rest, String(pid)]);
    return await onCluster(engines, { folder, cores, rest }, act);
  } finally {
    await stopAll();
    await engines?.stop();
    remove(folder);
  }
}

async function onCluster(engines, { folder, cores, rest }, act) {
  const data = join(folder, "data");
  const cluster = await Cluster.start({
    data,
    place: await engines.makePlace(DATABASE),
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
    const load = async (command, options = []) => {
      const args = [command, "--data", data, "--app", String(appId), ...replicas, ...database, ...options];
      const onLine = (line, stream) => stream === "stderr" && process.stderr.write(`${line}\n`);
      return JSON.parse(await run("taskset", ["-c", rest, binary("load"), ...args], { env: cluster.env, onLine }));
    };
    return await act({ load, query: (statement) => engines.postgres.query(DATABASE, statement), cluster, folder });
  } finally {
    await cluster.stop();
  }
}
