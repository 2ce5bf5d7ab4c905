// `npm run move:cluster [-- --titles N]`: an installation with so many titles moves from SQLite to PostgreSQL while it is played. The move is
// `key-server db copy` beside the running server; then that one is stopped, and one over PostgreSQL starts in its place. Nobody may
// notice but by waiting. Writes what it took as JSON; ends with 1 when anything was lost.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run, stop, stopAll } from "../../scripts/lib/children.mjs";
import { Installation } from "../../scripts/lib/installation.mjs";
import { binary, packagerBinary } from "../../scripts/lib/places.mjs";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { Api } from "../faults/lib/http.mjs";
import { freePort } from "../faults/lib/ports.mjs";
import { sleep } from "../faults/lib/wait.mjs";
import { makeWorkflow } from "../faults/lib/workflow.mjs";
import { auditRows, chainHolds, grantsAudited, titlesPlay } from "./lib/checks.mjs";
import { signer } from "./lib/fault-run.mjs";
import { loadDecryptor } from "./lib/player.mjs";
import { Postgres } from "./lib/postgres.mjs";
import { Audience, published, uploadTitle } from "./lib/work.mjs";

const SECS = 20;
const PLAYERS = 4;
const CALM_MS = 4000;
const DATABASE = "keyveil";
const show = { wait: () => null };

const { values } = parseArgs({ options: { titles: { type: "string", default: "10000" } } });
const titles = Number(values.titles);
if (!Number.isInteger(titles) || titles < 1) throw new Error("--titles is a number from 1 on");

const folder = scratch();
let postgres = null;
try {
  postgres = await Postgres.start();
  const told = await move(await postgres.createDatabase(DATABASE));
  process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  process.exitCode = told.wrong.length === 0 ? 0 : 1;
} finally {
  await stopAll();
  await postgres?.stop();
  postgres?.remove();
  remove(folder);
}

async function move(databaseUrl) {
  const installation = new Installation(join(folder, "data"), await freePort());
  Object.assign(installation.env, {
    KEYVEIL_PACING_MODE: "off",
    KEYVEIL_WORKERS_PACKAGER: packagerBinary,
    // One address is here as many viewers as there are.
    KEYVEIL_HTTP_PLAYS_PER_MINUTE: "1000000",
  });
  await installation.init();
  await installation.writeSdk();
  const app = JSON.parse(await installation.keyServer(["app", "create", "--name", "move", "--json"]));
  const [sign, api] = [signer(app), new Api(installation.url, app.apiKey)];
  const old = await installation.serve(show);
  const source = readFileSync(makeClip(folder, "mp4", { secs: SECS, size: "320x180" }));
  const workflowId = await makeWorkflow({ api }, { periodSegments: 2, cover: null, sprites: null });
  const { fileId } = await published(api, await uploadTitle(api, source, "Film", workflowId));
  await grow(installation, app.appId, old.pid);

  const decryptor = await loadDecryptor(join(installation.data, "sdk"));
  const audience = new Audience({ decryptor, cluster: installation, sign }, [fileId], PLAYERS);
  await sleep(CALM_MS);
  const began = performance.now();
  const said = await installation.keyServer(["db", "copy", "--to", databaseUrl]);
  const copied = performance.now();
  await stop(old);
  const segmentsBefore = audience.segments;
  installation.env.KEYVEIL_DATABASE_URL = databaseUrl;
  await installation.serve(show);
  const switched = performance.now();
  await sleep(2 * CALM_MS);
  await audience.end();

  const [[count]] = await postgres.query(DATABASE, "SELECT count(*) FROM titles");
  // A server is asked as a cluster's replica is.
  const cluster = Object.assign(installation, { replicas: [installation] });
  const wrong = [
    ...audience.failures,
    ...(Number(count) === titles + 1 ? [] : [`${count} titles came of ${titles + 1}`]),
    ...(audience.segments > segmentsBefore ? [] : ["nobody played on"]),
    ...(await titlesPlay({ decryptor, cluster, sign, titles: [{ fileId }], secs: SECS })),
    ...grantsAudited(await auditRows(installation), audience.grants),
    ...(await chainHolds(installation)),
  ];
  return {
    said: said
      .trim()
      .split("\n")
      .find((line) => line.startsWith("moved")),
    copySecs: (copied - began) / 1000,
    restartSecs: (switched - copied) / 1000,
    segments: audience.segments,
    grants: audience.grants.length,
    failedTries: audience.players.reduce((sum, { troubles }) => sum + troubles, 0),
    longestStallSecs: Math.max(...audience.players.map(({ stallMsMax }) => stallMsMax)) / 1000,
    wrong,
  };
}

/** Titles beside the one that is played, as the server has them after a job. */
async function grow({ data, port }, appId, pid) {
  const at = ["--data", data, "--app", String(appId), "--address", `127.0.0.1:${port}`, "--pid", String(pid)];
  const little = ["--millis", "100", "--rounds", "1", "--sessions", "100"];
  await run(binary("load"), ["growth", ...at, ...little, "--titles", String(titles)]);
}
