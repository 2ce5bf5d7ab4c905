import { en, type MessageKey } from "../i18n/en.ts";
import { t } from "../i18n/i18n.ts";

/** Why something did not work: a code of docs/PROTOCOL.md or docs/WORKFLOW.md, and the request an operator can look up. */
export class Failure extends Error {
  readonly code: string;
  readonly requestId: string | null;
  /** Which field and why, in English, where the server says so. */
  readonly detail: string | null;

  constructor(code: string, requestId: string | null = null, detail: string | null = null) {
    super(code);
    this.name = "Failure";
    this.code = code.slice(0, CODE_CHARS_MAX);
    this.requestId = requestId?.slice(0, CODE_CHARS_MAX) ?? null;
    this.detail = detail?.slice(0, DETAIL_CHARS_MAX) ?? null;
  }
}

/** The failure's heading and what to do about it, in the reader's language. */
export function failureText(failure: { readonly code: string }): { heading: string; action: string } {
  const key = `failure.${failure.code}`;
  const known = (key in en ? key : "failure.unknown") as MessageKey;
  return { heading: t(known), action: t(`${known}.action` as MessageKey) };
}

/** Both in one line. */
export function failureLine(failure: { readonly code: string }): string {
  return t("app.failure", failureText(failure));
}

/** Whatever was thrown, as a failure that can be shown. */
export function failureFrom(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = field(thrown, "code");
  if (code !== null) return new Failure(code, field(thrown, "requestId"));
  return new Failure("unknown");
}

const CODE_CHARS_MAX = 64;
const DETAIL_CHARS_MAX = 300;

function field(thrown: unknown, name: string): string | null {
  if (typeof thrown !== "object" || thrown === null) return null;
  const value: unknown = Reflect.get(thrown, name);
  return typeof value === "string" ? value : null;
}
