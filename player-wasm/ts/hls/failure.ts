/** What hls.js says has failed for good, in words that go to whoever decides what to do about it. */
import Hls, { type ErrorData } from "hls.js";
import { type KeyveilError, refusalOf } from "../errors.js";

const REFUSAL_BYTES_MAX = 64 << 10;

export interface Failure {
  readonly kind: "network" | "media" | "other";
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  /** What the server said, where a playlist was refused. */
  readonly refusal: KeyveilError | null;
  readonly cause: unknown;
}

export function failureOf(data: ErrorData): Failure {
  const isNetwork = data.type === Hls.ErrorTypes.NETWORK_ERROR;
  const status = isNetwork ? (data.response?.code ?? 0) : 0;
  const kind = isNetwork ? "network" : data.type === Hls.ErrorTypes.MEDIA_ERROR ? "media" : "other";
  return { kind, status, refusal: isNetwork ? refusalIn(data, status) : null, cause: data.error ?? data.details };
}

/** What the server said, where hls.js' own loader was refused. */
function refusalIn({ networkDetails }: ErrorData, status: number): KeyveilError | null {
  const body: unknown = (networkDetails as { response?: unknown } | null | undefined)?.response;
  if (typeof body === "string") return refusalOf(status, body);
  if (!(body instanceof ArrayBuffer)) return null;
  return refusalOf(status, new TextDecoder().decode(body.slice(0, REFUSAL_BYTES_MAX)));
}
