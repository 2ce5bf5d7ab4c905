import { en, type MessageKey } from "../i18n/en.ts";
import { t } from "../i18n/i18n.ts";

/** Why something did not work: a code of docs/PROTOCOL.md, and the request an operator can look up. */
export class Failure extends Error {
  readonly code: string;
  readonly requestId: string | null;

  constructor(code: string, requestId: string | null = null) {
    super(code);
    this.name = "Failure";
    this.code = bounded(code);
    this.requestId = requestId === null ? null : bounded(requestId);
  }
}

/** The failure's heading and what to do about it, in the reader's language. */
export function failureText(failure: Failure): { heading: string; action: string } {
  const key = `failure.${failure.code}`;
  const known = (key in en ? key : "failure.unknown") as MessageKey;
  return { heading: t(known), action: t(`${known}.action` as MessageKey) };
}

/** Both in one line. */
export function failureLine(failure: Failure): string {
  return t("app.failure", failureText(failure));
}

/** Whatever was thrown, as a failure that can be shown. */
export function failureFrom(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = field(thrown, "code");
  if (code !== null) return new Failure(code, field(thrown, "requestId"));
  return new Failure("unknown");
}

const SHOWN_CHARS_MAX = 64;

function bounded(text: string): string {
  return text.slice(0, SHOWN_CHARS_MAX);
}

function field(thrown: unknown, name: string): string | null {
  if (typeof thrown !== "object" || thrown === null) return null;
  const value: unknown = Reflect.get(thrown, name);
  return typeof value === "string" ? value : null;
}
