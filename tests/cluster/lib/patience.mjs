// How patient players are: hls.js tries each load again, and then the player the whole, as player-wasm/ts/page/recovery.ts does.
import { sleep } from "../../faults/lib/wait.mjs";

/** The exchanges of keys (player-wasm/ts/worker/http.ts) and, of hls.js' `fragLoadPolicy`, the time until the first byte. */
export const EXCHANGE_MS_MAX = 15_000;
export const LOAD_MS_MAX = 10_000;
const LOAD_DELAYS_MS = [1000, 2000, 4000, 8000, 8000, 8000];
const RESUME_DELAYS_MS = [1000, 2000, 4000, 8000];
/** Where a proxy took the server's own word away. */
const RETRY_AFTER_SECS = 5;

/** What a server refused. `code` is null where a proxy answered. */
export class Refused extends Error {
  constructor(what, status, text, retryAfterSecs) {
    const code = codeIn(text);
    super(`${what}: ${status} ${code ?? ""}`);
    Object.assign(this, { status, code, retryAfterSecs });
  }

  /** Asked again, it would be refused again. */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && this.code !== "rate_limited";
  }
}

/** A fetch whose body is read, with an end to waiting; throws Refused for anything but 2xx. */
export async function ask(what, url, options, msMax) {
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(msMax) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.ok) return bytes;
  throw new Refused(
    what,
    answer.status,
    bytes.toString(),
    Number(answer.headers.get("retry-after")) || RETRY_AFTER_SECS,
  );
}

/** `load` until it succeeds, or until a player would have given up: then its last failure is thrown. */
export async function patiently(load, trouble = () => null) {
  for (const resumeMs of [...RESUME_DELAYS_MS, null]) {
    let failure;
    for (const delayMs of [...LOAD_DELAYS_MS, null]) {
      try {
        return await load();
      } catch (thrown) {
        if (thrown.isFinal) throw thrown;
        trouble(thrown);
        failure = thrown;
        if (thrown.code === "rate_limited") await sleep(thrown.retryAfterSecs * 1000);
        else if (delayMs !== null) await sleep(delayMs);
      }
    }
    if (resumeMs === null) throw failure;
    await sleep(resumeMs);
  }
}

function codeIn(text) {
  try {
    return JSON.parse(text).error?.code ?? null;
  } catch {
    return null;
  }
}
