/** The worker's own requests: `fetch` with every refusal mapped to a `KeyveilError`. */
import { KeyveilError, refusalOf } from "../errors.js";

const EXCHANGE_TIMEOUT_MS = 15_000;
const ANSWER_CHARS_MAX = 4 << 20;
/** The server's own limit. */
const RETRY_AFTER_SECS_MAX = 3600;

/** Sends a body as it is and gives the answer's text. */
export async function postJson(
  url: string,
  body: string,
  credentials: RequestCredentials,
  headers: Record<string, string>,
): Promise<string> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), EXCHANGE_TIMEOUT_MS);
  try {
    const response = await fetch(url, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json", ...headers },
      credentials,
      cache: "no-store",
      redirect: "error",
      signal: timeout.signal,
    });
    if (!response.ok) throw await refusal(response);
    const text = await response.text();
    if (text.length > ANSWER_CHARS_MAX) throw new KeyveilError("network", "The server's answer is too long.");
    return text;
  } catch (thrown) {
    if (thrown instanceof KeyveilError) throw thrown;
    const message = timeout.signal.aborted ? `The server did not answer within ${EXCHANGE_TIMEOUT_MS} ms.` : undefined;
    throw new KeyveilError("network", message, { cause: thrown });
  } finally {
    clearTimeout(timer);
  }
}

/** Starts loading a segment; the caller reads the body. */
export async function getMedia(
  url: string,
  credentials: RequestCredentials,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { headers, credentials, signal });
  } catch (thrown) {
    throw connectionError(thrown, signal);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** What a failed `fetch` or body read means. */
export function connectionError(thrown: unknown, signal: AbortSignal): KeyveilError {
  if (thrown instanceof KeyveilError) return thrown;
  return new KeyveilError(signal.aborted ? "aborted" : "network", undefined, { cause: thrown });
}

async function refusal(response: Response): Promise<KeyveilError> {
  const { status } = response;
  // Where the answer is a proxy's page or breaks off, the status has to do.
  const text = await response.text().catch(() => "");
  const retryAfterSecs = secondsIn(response.headers.get("Retry-After"));
  const error = refusalOf(status, text, retryAfterSecs);
  return error ?? new KeyveilError(codeOfStatus(status), undefined, { status, retryAfterSecs });
}

/** Whole seconds, bounded; `null` for a date, which servers of ours don't send. */
function secondsIn(header: string | null): number | null {
  if (!header || !/^\d{1,9}$/.test(header)) return null;
  return Math.min(Math.max(1, Number(header)), RETRY_AFTER_SECS_MAX);
}

function codeOfStatus(status: number) {
  if (status === 403) return "url_invalid";
  if (status === 404) return "not_found";
  if (status === 416) return "range_not_satisfiable";
  return status >= 500 || status === 429 ? "unavailable" : "network";
}
