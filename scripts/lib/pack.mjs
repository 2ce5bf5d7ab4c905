// Packaging through the real packager, with its progress.
import { realpath, stat } from "node:fs/promises";
import { CommandFailed, run } from "./children.mjs";
import { packagerBinary } from "./places.mjs";
import { Stop, say, seconds } from "./steps.mjs";

/** Extra arguments for the packager, from KEYVEIL_PACK_ARGS: words separated by blanks. */
export function packArgs() {
  return (process.env.KEYVEIL_PACK_ARGS ?? "").split(/\s+/).filter(Boolean);
}

/** What identifies a source: the same file, unchanged, packaged in the same way is not packaged again. */
export async function sourceIdentity(file) {
  const found = await stat(file).catch(() => null);
  // The packager says what is wrong with such a file.
  if (found === null) return null;
  const path = await realpath(file);
  return [path, found.size, Math.round(found.mtimeMs), ...packArgs()].join("|");
}

/** Packages `file` and answers its file id. The API key goes by the environment: arguments can be seen by other users. */
export async function pack(file, installation, apiKey, { progress, wait }) {
  let packed = null;
  let failure = null;
  const onLine = (line) => {
    const event = parseEvent(line);
    if (event === null) return;
    if (event.event === "progress") showProgress(event, progress);
    if (event.event === "retry") wait(`${event.what} failed (${event.reason}), trying again`);
    if (event.event === "warning") say(`warning: ${event.message}`);
    if (event.event === "done") packed = event.fileId;
    if (event.event === "error") failure = event;
  };
  wait("packager pack");
  const args = ["pack", file, "--out", installation.mediaDir, "--server", installation.url, "--progress", "json"];
  try {
    await run(packagerBinary, [...args, ...packArgs()], { env: { KEYVEIL_API_KEY: apiKey }, onLine });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const message = failure === null ? "The packager failed." : `error[${failure.code}]: ${failure.message}`;
    throw new Stop(message, { output: failure === null ? error.output : "", code: error.exitCode ?? 1 });
  }
  if (packed === null) throw new Stop("The packager did not say which title it made.");
  return packed;
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
