import { Failure } from "../../shared/failure.ts";

/** One page of a list; `next` is where the following one begins. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

export interface CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** A create: a repetition of the very same call makes nothing twice. */
  readonly create?: boolean;
  /** Says who asks, so its 401 is an answer to show, not a reason to sign in. */
  readonly anonymous?: boolean;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What every call needs to know of its surroundings; the account's state sets it. */
export const surroundings: { appId: number | null; signInRequired: () => void } = {
  appId: null,
  signInRequired: () => {},
};

/**
 * Asks the server. Answers its JSON (null for 204) and throws nothing but a `Failure`. `Answer` is what docs/WORKFLOW.md promises: the
 * server is the one that served this page.
 */
export async function call<Answer>(method: Method, path: string, options: CallOptions = {}): Promise<Answer> {
  const headers = appHeaders();
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  if (options.create) headers["Idempotency-Key"] = crypto.randomUUID();
  const url = path + queryText(options.query ?? {});
  let response = await attempt(url, init, options.signal);
  // Nothing can be said about a create that was cut off but by asking again under the same key.
  if (response === null && (options.create || method === "GET")) response = await attempt(url, init, options.signal);
  if (response === null) throw new Failure("network");
  return parse<Answer>(response, options.anonymous ?? false);
}

/** The headers that say which application is meant and that this is the console itself. */
export function appHeaders(): Record<string, string> {
  const headers: Record<string, string> = { Accept: "application/json", "Keyveil-Console": "1" };
  if (surroundings.appId !== null) headers["Keyveil-App"] = String(surroundings.appId);
  return headers;
}

/** Takes a list's answer apart: every list names its items after what they are. */
export async function list<Item>(name: string, path: string, options: CallOptions): Promise<Page<Item>> {
  const answer = await call<Record<string, unknown>>("GET", path, options);
  const items = answer[name];
  if (!Array.isArray(items)) throw new Failure("internal");
  return { items: items as Item[], next: typeof answer.next === "string" ? answer.next : null };
}

/** `{a: 1, b: ["x", "y"], c: null}` → `?a=1&b=x&b=y`. */
export function queryText(query: Query): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) pairs.append(name, String(one));
  }
  const text = pairs.toString();
  return text === "" ? "" : `?${text}`;
}

/** The failure that an answer's body tells. */
export function failureOf(status: number, body: unknown): Failure {
  const error = isRecord(body) && isRecord(body.error) ? body.error : {};
  const text = (name: string): string | null => (typeof error[name] === "string" ? (error[name] as string) : null);
  return new Failure(
    text("code") ?? (status === 413 ? "body_too_large" : "internal"),
    text("requestId"),
    text("detail"),
  );
}

const CALL_MS_MAX = 20_000;

/** Null when no answer came. */
async function attempt(url: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response | null> {
  const timeout = AbortSignal.timeout(CALL_MS_MAX);
  try {
    return await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  } catch {
    if (signal?.aborted) throw new Failure("aborted");
    return null;
  }
}

async function parse<Answer>(response: Response, anonymous: boolean): Promise<Answer> {
  const body: unknown = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return body as Answer;
  const failure = failureOf(response.status, body);
  if (failure.code === "sign_in_required" && !anonymous) surroundings.signInRequired();
  throw failure;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
