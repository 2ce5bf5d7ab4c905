// One fault on a cluster of its own, in the middle of its work.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeClip } from "../../e2e/lib/clips.mjs";
import { remove, scratch } from "../../e2e/lib/installation.mjs";
import { Api } from "../../faults/lib/http.mjs";
import { sleep } from "../../faults/lib/wait.mjs";
import { makeWorkflow } from "../../faults/lib/workflow.mjs";
import { sign } from "../../vectors/independent.mjs";
import { auditRows, chainHolds, grantsAudited, jobsDone, nothingClear, titlesPlay } from "./checks.mjs";
import { Cluster } from "./cluster.mjs";
import { Engines } from "./engines.mjs";
import { loadDecryptor } from "./player.mjs";
import { Audience, published, uploadTitle } from "./work.mjs";

const SECS = 8;
const PLAYERS = 4;
const UPLOADS = 3;
/** When the fault strikes: while the uploads and jobs are under way. */
const STRIKE_MS = { from: 1500, to: 5000 };
const SIGNED_SECS = 3600;
const CALM_MS = 3000;

/**
 * Answers { fault, target, wrong, segments, grants, troubles, stallMs, uploads }; `wrong` is empty where all that must hold holds.
 * `random(below)` is the run's own. Nothing of it runs when this resolves.
 */
export async function runFault(fault, { random, logFile }) {
  const world = { folder: scratch(), random };
  try {
    world.storage = world.folder;
    world.clockFile = join(world.folder, "clock");
    await build(world, fault, logFile);
    return { fault: fault.name, ...(await strikeAtWork(world, fault)) };
  } finally {
    await world.cluster?.stop();
    await world.engines?.stop();
    if (world.isPrepared) await fault.cleanUp?.(world);
    remove(world.folder);
  }
}

async function build(world, fault, logFile) {
  fault.prepare?.(world);
  world.isPrepared = true;
  world.source = readFileSync(makeClip(world.folder, "mp4", { secs: SECS, size: "320x180" }));
  world.engines = await Engines.start({ folder: world.database });
  world.place = await world.engines.makePlace("keyveil");
  // Players here take keys faster than any viewer would.
  const env = { KEYVEIL_PACING_MODE: "off" };
  const data = join(world.storage, "data");
  world.cluster = await Cluster.start({
    data,
    place: world.place,
    env,
    logFile,
    variant: await fault.variant?.(world),
  });
  world.decryptor = await loadDecryptor(join(data, "sdk"));
  const app = JSON.parse(await world.cluster.keyServer(["app", "create", "--name", "faults", "--json"]));
  world.sign = signer(app);
  world.api = new Api(world.cluster.url, app.apiKey);
  world.workflowId = await makeWorkflow({ api: world.api }, { periodSegments: 2, cover: null, sprites: null });
}

/** Signatures by the application's own server, whose clock is right. */
export function signer({ appId, kid, signingKey }) {
  return (fileId) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { appId, fileId, currentTimeStamp: now, expireTimeStamp: now + SIGNED_SECS };
    return sign({ alg: "HS256", typ: "JWT", kid }, claims, signingKey);
  };
}

async function strikeAtWork(world, fault) {
  const { cluster, api, source, workflowId, place, random } = world;
  const known = [];
  for (const name of ["Known 1", "Known 2"]) {
    known.push(await published(api, await uploadTitle(api, source, name, workflowId)));
  }
  const fileIds = known.map(({ fileId }) => fileId);
  const audience = new Audience(world, fileIds, PLAYERS);
  const uploads = Array.from({ length: UPLOADS }, async (_, number) =>
    published(api, await uploadTitle(api, source, `New ${number + 1}`, workflowId)),
  );
  const made = Promise.allSettled(uploads);
  await sleep(STRIKE_MS.from + random(STRIKE_MS.to - STRIKE_MS.from));
  const target = await fault.strike({ ...world, audience });
  const outcomes = await made;
  const before = audience.segments;
  await sleep(CALM_MS);
  await audience.end();
  const titles = [...known, ...outcomes.map(({ value }) => value).filter(Boolean)];
  const wrong = [
    ...audience.failures,
    ...outcomes.filter(({ reason }) => reason).map(({ reason }) => reason.message),
    ...(audience.segments > before ? [] : ["nobody played on"]),
    ...(await jobsDone({ api, titles })),
    ...(await titlesPlay({ ...world, titles, secs: SECS })),
    ...(await nothingClear({ place, titles })),
    ...grantsAudited(await auditRows(cluster), audience.grants),
    ...(await chainHolds(cluster)),
  ];
  const troubles = audience.players.reduce((sum, player) => sum + player.troubles, 0);
  const stallMs = Math.max(...audience.players.map(({ stallMsMax }) => stallMsMax));
  return { target, wrong, segments: audience.segments, grants: audience.grants.length, troubles, stallMs };
}
