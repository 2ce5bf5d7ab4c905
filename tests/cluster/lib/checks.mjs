// What must hold of a cluster after whatever happened to it. Each check answers what is wrong, as sentences.
import { clearForm } from "../../faults/lib/clear-media.mjs";
import { Player } from "./player.mjs";

/** Every title that was published plays: all of its segments are there, and decrypt to media. A replica is asked, past nginx's cache. */
export async function titlesPlay({ decryptor, cluster, sign, titles, secs }) {
  const wrong = [];
  for (const { fileId } of titles) {
    const player = new Player(decryptor, cluster.replicas[0].url, () => sign(fileId));
    await player.play().catch((error) => wrong.push(`${fileId} does not play: ${error.message}`));
    player.close();
    // Of a second each, in one video rendition and one of sound.
    if (player.segments < 2 * secs) wrong.push(`${fileId} has ${player.segments} segments`);
  }
  return wrong;
}

/** Nothing in the bucket has the form of clear media. */
export async function nothingClear({ place, titles }) {
  const wrong = [];
  for (const { fileId, version } of titles) {
    const media = await place.media(version === 1 ? fileId : `${fileId}.${version}`);
    if (media.size === 0) wrong.push(`${fileId} has no media in the bucket`);
    for (const [path, bytes] of media) {
      if (/\/seg-/.test(path) && clearForm(bytes) !== null) wrong.push(`${fileId}/${path} is clear`);
    }
  }
  return wrong;
}

/** Each title that was taken has one job, which is done, and was committed once. */
export async function jobsDone({ api, titles }) {
  const wrong = [];
  for (const { fileId, state, failure } of titles) {
    if (state !== "published") wrong.push(`${fileId} is ${state}: ${JSON.stringify(failure)}`);
    const jobs = await api.all(`/v1/jobs?fileId=${fileId}`, "jobs");
    if (jobs.length !== 1 || jobs[0].state !== "done") {
      wrong.push(`${fileId} has the jobs ${JSON.stringify(jobs.map((job) => job.state))}`);
    }
    const commits = await api.all(`/v1/audit?kind=title_published&fileId=${fileId}`, "audit");
    if (commits.length !== 1) wrong.push(`${fileId} was committed ${commits.length} times`);
  }
  return wrong;
}

/** Each grant that a player has received stands in the log, under its session and counter, once. */
export function grantsAudited(rows, grants) {
  const logged = new Map();
  for (const { kind, sessionId, detail } of rows) {
    if (kind !== "session_started" && kind !== "keys_released") continue;
    const name = `${sessionId} ${kind === "session_started" ? 0 : detail.counter}`;
    logged.set(name, (logged.get(name) ?? 0) + 1);
  }
  const wrong = [...logged]
    .filter(([, times]) => times > 1)
    .map(([name, times]) => `${name} was logged ${times} times`);
  for (const { session, counter } of grants) {
    if (!logged.has(`${session} ${counter}`)) wrong.push(`keys came that no row tells of: ${session} ${counter}`);
  }
  return wrong;
}

/** The rows of the audit log. */
export async function auditRows(cluster) {
  const text = await cluster.keyServer(["audit", "export"]);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** The chain of the audit log holds. */
export function chainHolds(cluster) {
  return cluster.keyServer(["audit", "verify"]).then(
    () => [],
    (error) => [`the audit log's chain does not hold: ${error.output}`],
  );
}
