// What can happen to a cluster. Each fault begins with `strike`, which answers how it ends; then all must be well again.
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FAKETIME_LIBRARY } from "../../../scripts/lib/system.mjs";
import { cannotMount, mountSmall, unmount } from "../../faults/lib/small-disk.mjs";
import { sleep } from "../../faults/lib/wait.mjs";
import { cannotMakeNamespace, Namespace } from "./namespace.mjs";

/** Longer than a job's lease (30 s), and than anybody's patience with one request. */
const PAUSE_MS = 36_000;
const DOWN_MS = { from: 2000, to: 8000 };
const CLOCK_JUMP_SECS = 300;
const SMALL_DISK = "256m";
const FILL_BYTES = 1 << 20;

/** What there is to hit: one of them. */
const TARGETS = {
  replica: ({ cluster, random }) => cluster.replicas[random(cluster.replicas.length)],
  worker: ({ cluster, random }) => cluster.workers[random(cluster.workers.length)],
  nginx: ({ cluster }) => cluster.nginx,
  s3: ({ engines }) => engines.s3,
  postgres: ({ engines }) => engines.postgres,
};

const downMs = (random) => DOWN_MS.from + random(DOWN_MS.to - DOWN_MS.from);

function kill(name, pick) {
  return {
    name: `kill ${name}`,
    async strike(world) {
      const member = pick(world);
      const ms = downMs(world.random);
      await member.kill();
      await sleep(ms);
      await member.start();
      return `${member.name}, away for ${(ms / 1000).toFixed(1)} s`;
    },
  };
}

function pause(name, pick) {
  return {
    name: `pause ${name}`,
    async strike(world) {
      const member = pick(world);
      member.pause();
      await sleep(PAUSE_MS);
      member.goOn();
      return `${member.name}, for ${PAUSE_MS / 1000} s`;
    },
  };
}

/** The file system of the database and of sources has not a byte left. */
const fullDisk = {
  name: "full disk",
  missing: cannotMount,
  /** Before the engines and the cluster are there. */
  prepare(world) {
    // PostgreSQL has a user of its own, who has to come by.
    chmodSync(world.folder, 0o711);
    world.disk = join(world.folder, "disk");
    mkdirSync(world.disk);
    mountSmall(world.disk, SMALL_DISK);
    world.storage = world.disk;
    world.database = join(world.disk, "postgres");
    mkdirSync(world.database);
  },
  cleanUp: ({ disk }) => unmount(disk),
  async strike({ disk, engines, random }) {
    const ms = downMs(random);
    const filler = join(disk, "filler");
    fill(filler);
    await sleep(ms);
    rmSync(filler);
    // It may have given up; whoever supervises it starts it again.
    if (!engines.postgres.isAlive) await engines.postgres.start();
    return `for ${(ms / 1000).toFixed(1)} s`;
  },
};

/** Only the time of day: what counts seconds goes on counting them. */
const clockJump = {
  name: "clock jump",
  missing: () => (existsSync(FAKETIME_LIBRARY) ? null : "libfaketime is not installed: apt-get install faketime"),
  variant({ clockFile }) {
    writeFileSync(clockFile, "+0");
    const variables = [`LD_PRELOAD=${FAKETIME_LIBRARY}`, `FAKETIME_TIMESTAMP_FILE=${clockFile}`];
    const flags = ["FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"];
    const wrap = (command, args) => ["env", [...variables, ...flags, command, ...args]];
    return (number) => (number === 0 ? { wrap } : {});
  },
  async strike({ clockFile, random }) {
    const ms = downMs(random);
    writeFileSync(clockFile, `+${CLOCK_JUMP_SECS}`);
    await sleep(ms);
    writeFileSync(clockFile, "+0");
    return `${CLOCK_JUMP_SECS} s ahead on replica 1, for ${(ms / 1000).toFixed(1)} s`;
  },
};

/** Replica 1 has a network of its own: nginx, the database and S3 are at the other end of a cable. */
const networkCut = {
  name: "network cut",
  missing: cannotMakeNamespace,
  prepare(world) {
    world.namespace = Namespace.make();
  },
  cleanUp: ({ namespace }) => namespace.remove(),
  async variant({ namespace, place }) {
    const env = { KEYVEIL_HTTP_TRUSTED_PROXIES: namespace.here };
    for (const name of ["KEYVEIL_STORAGE_ENDPOINT", "KEYVEIL_DATABASE_URL"])
      env[name] = await namespace.reach(place.env[name]);
    const wrap = (command, args) => namespace.wrap(command, args);
    return (number) => (number === 0 ? { wrap, host: namespace.there, env } : {});
  },
  async strike({ namespace }) {
    namespace.pull();
    await sleep(PAUSE_MS);
    namespace.plugIn();
    return `replica 1, for ${PAUSE_MS / 1000} s`;
  },
};

/** What must be found. It comes first: where it is not, the other outcomes say nothing. */
export const CONTROL = {
  name: "control",
  expects: [/does not play/, /no row tells of/],
  async strike({ place, audience }) {
    audience.players[0].grants.push({ session: "never-logged", counter: 1 });
    return `lost ${await place.loseSegment()}, and a grant that was never logged`;
  },
};

/** Every fault: { name, strike(world) → what was done, missing?() → why it can't be had here, prepare?, cleanUp?, variant? }. */
export const FAULTS = [
  ...Object.entries(TARGETS).map(([name, pick]) => kill(name, pick)),
  ...Object.entries(TARGETS).map(([name, pick]) => pause(name, pick)),
  fullDisk,
  clockJump,
  networkCut,
];

/** Writes until there is no space. */
function fill(path) {
  const file = openSync(path, "w");
  const bytes = Buffer.alloc(FILL_BYTES);
  try {
    for (;;) writeSync(file, bytes);
  } catch (error) {
    if (error.code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}
