/** Errors of the player: one class, stable codes, and a form that survives the worker boundary. */

/** Codes a server answers with (docs/PROTOCOL.md, "Error codes"). */
const SERVER_CODES = [
  "malformed_request",
  "body_too_large",
  "unsupported_media_type",
  "not_found",
  "method_not_allowed",
  "psign_malformed",
  "psign_algorithm",
  "psign_signature",
  "psign_expired",
  "psign_from_future",
  "psign_other_title",
  "psign_content_type",
  "psign_used",
  "address_not_allowed",
  "address_limit",
  "origin_not_allowed",
  "level_not_allowed",
  "title_not_found",
  "title_exists",
  "title_changed",
  "public_key_invalid",
  "build_unknown",
  "session_invalid",
  "session_expired",
  "session_superseded",
  "track_not_allowed",
  "preview_ended",
  "key_uses_exhausted",
  "counter_replayed",
  "period_out_of_range",
  "url_invalid",
  "url_expired",
  "range_not_satisfiable",
  "api_key_invalid",
  "rate_limited",
  "kms_unavailable",
  "unavailable",
  "internal",
] as const;

/** Codes that clients make. */
const CLIENT_CODES = [
  "network",
  "envelope_rejected",
  "server_key_unknown",
  "build_missing",
  "segment_damaged",
  "key_tag_malformed",
  "key_not_granted",
  "signature_unavailable",
  "wasm_unavailable",
  "wasm_altered",
  "worker_crashed",
  "worker_blocked",
  "source_not_opened",
  "unsupported_browser",
  "media_error",
  "watermark_removed",
  "aborted",
  "destroyed",
] as const;

export type ErrorCode = (typeof SERVER_CODES)[number] | (typeof CLIENT_CODES)[number];
export type ErrorType = "network" | "signature" | "session" | "media" | "environment";

export const ERROR_CODES: readonly ErrorCode[] = [...SERVER_CODES, ...CLIENT_CODES];

/** A `KeyveilError` as a message between threads carries it. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fatal: boolean;
  /** HTTP status, 0 when there was no answer. */
  readonly status: number;
  readonly requestId: string | null;
  readonly retryAfterSecs: number | null;
  readonly cause: string | null;
}

interface ErrorDetail {
  status?: number;
  requestId?: string | null;
  retryAfterSecs?: number | null;
  cause?: unknown;
  fatal?: boolean;
}

export class KeyveilError extends Error {
  override readonly name = "KeyveilError";
  readonly type: ErrorType;
  readonly code: ErrorCode;
  /** Nothing the player can do by itself would help. */
  readonly fatal: boolean;
  /** HTTP status, 0 when there was no answer. */
  readonly status: number;
  /** Names the refusal in the server's log. */
  readonly requestId: string | null;
  /** In so many seconds the server answers the same request, as it said itself. */
  readonly retryAfterSecs: number | null;

  constructor(code: ErrorCode, message?: string, detail: ErrorDetail = {}) {
    super(message ?? defaultMessage(code), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.type = errorType(code);
    this.code = code;
    this.fatal = detail.fatal ?? isFatal(code);
    this.status = detail.status ?? 0;
    this.requestId = detail.requestId ?? null;
    this.retryAfterSecs = detail.retryAfterSecs ?? null;
  }

  static fromWire(wire: WireError): KeyveilError {
    const { code, message, cause, ...detail } = wire;
    return new KeyveilError(code, message || undefined, { ...detail, ...(cause === null ? {} : { cause }) });
  }

  toWire(): WireError {
    const cause = this.cause === undefined ? null : String(this.cause);
    const { code, message, fatal, status, requestId, retryAfterSecs } = this;
    return { code, message, fatal, status, requestId, retryAfterSecs, cause };
  }

  /** The same failure, with another verdict on whether the player can go on. */
  withFatal(fatal: boolean): KeyveilError {
    const { message, status, requestId, retryAfterSecs, cause } = this;
    return new KeyveilError(this.code, message, { status, requestId, retryAfterSecs, cause, fatal });
  }
}

/** Whatever was thrown, as a `KeyveilError`. */
export function asKeyveilError(thrown: unknown, code: ErrorCode, message?: string): KeyveilError {
  return thrown instanceof KeyveilError ? thrown : new KeyveilError(code, message, { cause: thrown });
}

export function isErrorCode(text: unknown): text is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(text);
}

/** One new session with a fresh signature may cure these. */
export function curedByNewSession(error: KeyveilError): boolean {
  return ["session_expired", "session_invalid", "counter_replayed", "url_expired"].includes(error.code);
}

/** A refusal as servers word it (docs/PROTOCOL.md, "Error codes"); `null` for a proxy's page, or a code that is not known. */
export function refusalOf(status: number, text: string, retryAfterSecs: number | null = null): KeyveilError | null {
  if (text.length > REFUSAL_CHARS_MAX) return null;
  let error: { code?: unknown; message?: unknown; requestId?: unknown } | null | undefined;
  try {
    error = (JSON.parse(text) as { error?: typeof error } | null)?.error;
  } catch {
    return null;
  }
  if (!error || !isErrorCode(error.code)) return null;
  const message = typeof error.message === "string" ? error.message : undefined;
  const requestId = typeof error.requestId === "string" ? error.requestId : null;
  return new KeyveilError(error.code, message, { status, requestId, retryAfterSecs });
}

const REFUSAL_CHARS_MAX = 16 << 10;

const RETRYABLE: readonly ErrorCode[] = [
  "network",
  "rate_limited",
  "kms_unavailable",
  "unavailable",
  "internal",
  "aborted",
  "media_error",
];

function isFatal(code: ErrorCode): boolean {
  return !RETRYABLE.includes(code) && code !== "segment_damaged" && code !== "not_found";
}

function errorType(code: ErrorCode): ErrorType {
  if (code.startsWith("psign_") || code.startsWith("address_")) return "signature";
  switch (code) {
    case "signature_unavailable":
    case "origin_not_allowed":
    case "level_not_allowed":
      return "signature";
    case "session_invalid":
    case "session_expired":
    case "session_superseded":
    case "track_not_allowed":
    case "preview_ended":
    case "key_uses_exhausted":
    case "counter_replayed":
    case "period_out_of_range":
    case "envelope_rejected":
    case "server_key_unknown":
    case "key_not_granted":
    case "title_not_found":
    case "title_changed":
    case "build_unknown":
    case "public_key_invalid":
    case "url_invalid":
    case "url_expired":
      return "session";
    case "segment_damaged":
    case "key_tag_malformed":
    case "media_error":
      return "media";
    case "build_missing":
    case "wasm_unavailable":
    case "wasm_altered":
    case "worker_crashed":
    case "worker_blocked":
    case "source_not_opened":
    case "unsupported_browser":
    case "watermark_removed":
    case "aborted":
    case "destroyed":
      return "environment";
    default:
      return "network";
  }
}

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  network: "The server can't be reached; check the connection.",
  unavailable: "The server can't answer right now; try again shortly.",
  envelope_rejected: "The key envelope was refused; it was not made for this request by a server this player trusts.",
  server_key_unknown: "The server's key is not one this player trusts.",
  build_missing:
    "This player is not made for any key server; serve the files that `key-server build write` makes, or give wasmUrl and wasmSha256.",
  segment_damaged: "A media segment is damaged or belongs to another title.",
  key_tag_malformed: "The playlist's key tag is malformed.",
  key_not_granted: "The signature does not cover this rendition or part of the title.",
  signature_unavailable: "No player signature could be had; getSignature failed.",
  wasm_unavailable:
    "The decryptor can't be started; check wasmUrl, its MIME type and the worker's Content-Security-Policy.",
  wasm_altered:
    "The decryptor is not the one this player was made with; serve worker.js and its wasm as they were written.",
  worker_crashed: "The player's worker stopped unexpectedly.",
  worker_blocked: "The page's Content-Security-Policy stops the player's worker; it needs worker-src 'self'.",
  source_not_opened:
    "The browser did not open the video's media source; check that the Content-Security-Policy has media-src blob:.",
  level_not_allowed:
    "This title may not be played this way here; use a current Chromium browser and the player as it is.",
  unsupported_browser: "This browser lacks what encrypted playback needs (Worker and Media Source Extensions).",
  media_error: "The browser can't play this media.",
  rate_limited: "The server was asked too often; it answers again shortly.",
  kms_unavailable: "The server can't open its keys right now; try again shortly.",
  session_superseded: "The viewer plays elsewhere, on as many sessions as the signature allows.",
  preview_ended: "The signature covers the beginning of the title only.",
  watermark_removed: "The watermark could not be kept over the picture; something on this page removes or hides it.",
  aborted: "The request was aborted.",
  destroyed: "The player was destroyed.",
};

/** The worker's build sets it (sizes.mjs): its errors leave it for the page, which has the words. */
declare const WITHOUT_WORDS: true | undefined;

function defaultMessage(code: ErrorCode): string {
  if (typeof WITHOUT_WORDS !== "undefined") return "";
  return MESSAGES[code] ?? `The server refused the request (${code}).`;
}
