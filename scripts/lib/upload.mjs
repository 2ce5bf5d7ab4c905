// A file goes the way that every customer's goes: uploaded, transcoded and encrypted by the server's own worker, published.
import { realpath, stat } from "node:fs/promises";
import { CommandFailed, run } from "./children.mjs";
import { packagerBinary } from "./places.mjs";
import { Stop, say, seconds } from "./steps.mjs";

/** Uploads a file, unless the same one is published already, treated by the same settings. Answers { fileId, psign, reused }. */
export async function uploadOnce(source, installation, demo, settings, show) {
  const identity = await sourceIdentity(source, settings);
  const before = identity === null ? null : demo.titleOf(identity);
  if (before !== null && (await demo.isPublished(before)) && (await installation.hasMedia(before))) {
    return { fileId: before, psign: await demo.sign(before), reused: true };
  }
  const fileId = await upload(source, installation.url, demo, show);
  await demo.remember(identity, fileId);
  return { fileId, psign: await demo.sign(fileId), reused: false };
}

/** What identifies a source: the same file, unchanged, treated in the same way is not uploaded again. */
async function sourceIdentity(file, workflow) {
  const found = await stat(file).catch(() => null);
  // The packager says what is wrong with such a file.
  if (found === null) return null;
  const path = await realpath(file);
  return [path, found.size, Math.round(found.mtimeMs), JSON.stringify(workflow)].join("|");
}

/** Uploads `file`, waits until it is published, and answers its file id. The API key goes by the environment: arguments can be seen by other users. */
async function upload(file, url, { apiKey, workflowId }, { progress, wait }) {
  let done = null;
  let failure = null;
  const onLine = (line) => {
    const event = parseEvent(line);
    if (event === null) return;
    if (event.event === "progress") showProgress(event, progress);
    if (event.event === "title") showTitle(event, { progress, wait });
    if (event.event === "retry") wait(`${event.what} failed (${event.reason}), trying again`);
    if (event.event === "warning") say(`warning: ${event.message}`);
    if (event.event === "uploaded") done = event.fileId;
    if (event.event === "error") failure = event;
  };
  wait("packager upload");
  const args = ["upload", file, "--server", url, "--workflow", workflowId, "--wait", "--progress", "json"];
  try {
    await run(packagerBinary, args, { env: { KEYVEIL_API_KEY: apiKey }, onLine });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const message = failure === null ? "The upload failed." : `error[${failure.code}]: ${failure.message}`;
    throw new Stop(message, { output: failure === null ? error.output : "", code: error.exitCode ?? 1 });
  }
  if (done === null) throw new Stop("The packager did not say which title it made.");
  return done;
}

/** What the server does with it. */
function showTitle({ state, percent, leftSecs }, { progress, wait }) {
  if (percent == null) wait(state);
  else progress(percent / 100, leftSecs == null ? state : `${state}, ${seconds(leftSecs * 1000)} left`);
}

function showProgress({ percent, speed, leftSecs }, progress) {
  const parts = [];
  if (speed != null) parts.push(`speed ${speed.toFixed(1)}x`);
  if (leftSecs != null) parts.push(`${seconds(leftSecs * 1000)} left`);
  progress((percent ?? 0) / 100, parts.join(", "));
}

function parseEvent(line) {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
