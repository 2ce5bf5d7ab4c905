/** W3C Trace Context, version 0: a trace for each playback, and in it a span for each request. */
import { KeyveilError } from "./errors.js";
import { hex } from "./hex.js";

/** Version, trace id, parent id, flags: in lower case, and neither id of zeros alone. */
const TRACEPARENT = /^00-(?!0+-)[\da-f]{32}-(?!0+-)[\da-f]{16}-[\da-f]{2}$/;
const TRACE_ID_LEN = 16;
const SPAN_ID_LEN = 8;

/**
 * The trace of a playback: the page's own, or with `true` a random one that asks to be kept; `undefined` where none is asked for.
 *
 * @throws {KeyveilError} `malformed_request` for a text that is no `traceparent` of version 0.
 */
export function traceOf(asked: string | boolean | undefined): string | undefined {
  if (!asked && asked !== "") return undefined;
  const trace = asked === true ? `00-${random(TRACE_ID_LEN)}-${random(SPAN_ID_LEN)}-01` : asked;
  if (!TRACEPARENT.test(trace)) throw new KeyveilError("malformed_request", "`traceparent` is malformed.");
  return trace;
}

export const traceIdOf = (trace: string): string => trace.slice(3, 35);

/** The header of one more request: a span of its own in the same trace, under the same flags. */
export function nextSpan(trace: string): string {
  return trace.slice(0, 36) + random(SPAN_ID_LEN) + trace.slice(52);
}

const random = (length: number): string => hex(crypto.getRandomValues(new Uint8Array(length)));
