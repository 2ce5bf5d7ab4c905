import { Failure } from "../shared/failure.ts";
import type { ApiKey } from "./api-key.ts";

/** A title of the application, as `GET /v1/titles` lists it. */
export interface Title {
  readonly fileId: string;
  readonly name: string;
  readonly mode: "private" | "clear";
  readonly state: "packaging" | "published";
  readonly durationMs: number | null;
  readonly createdAt: number;
}

export interface TitlePage {
  readonly titles: readonly Title[];
  /** Where the next page begins; null on the last one. */
  readonly next: string | null;
}

export async function listTitles(apiKey: ApiKey, after: string | null, signal: AbortSignal): Promise<TitlePage> {
  const query = new URLSearchParams({ limit: String(PAGE_TITLES) });
  if (after !== null) query.set("after", after);
  const answer = await call(apiKey, `/v1/titles?${query}`, { signal });
  if (!isRecord(answer) || !Array.isArray(answer.titles)) throw new Failure("internal");
  const next = typeof answer.next === "string" ? answer.next : null;
  return { titles: answer.titles.slice(0, PAGE_TITLES).map(parseTitle), next };
}

/** Asks for a player signature and answers the player page's address that holds it. */
export async function playerAddress(apiKey: ApiKey, fileId: string): Promise<string> {
  const answer = await call(apiKey, "/v1/player-signatures", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ fileId }),
  });
  if (!isRecord(answer) || typeof answer.psign !== "string") throw new Failure("internal");
  const fragment = new URLSearchParams({ file: fileId, psign: answer.psign });
  return new URL(`/player/#${fragment}`, location.origin).href;
}

const PAGE_TITLES = 50;
const CALL_MS_MAX = 15_000;

async function call(apiKey: ApiKey, path: string, init: RequestInit & { signal?: AbortSignal }): Promise<unknown> {
  const timeout = AbortSignal.timeout(CALL_MS_MAX);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  let response: Response;
  try {
    const headers = { ...init.headers, Authorization: apiKey.bearer() };
    response = await fetch(path, { ...init, headers, signal, credentials: "omit", cache: "no-store" });
  } catch (thrown) {
    if (init.signal?.aborted) throw new Failure("aborted");
    throw thrown instanceof Failure ? thrown : new Failure("network");
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body;
  const error = isRecord(body) && isRecord(body.error) ? body.error : {};
  const code = typeof error.code === "string" ? error.code : "internal";
  throw new Failure(code, typeof error.requestId === "string" ? error.requestId : null);
}

function parseTitle(value: unknown): Title {
  if (!isRecord(value) || typeof value.fileId !== "string") throw new Failure("internal");
  return {
    fileId: value.fileId,
    name: typeof value.name === "string" ? value.name : "",
    mode: value.mode === "clear" ? "clear" : "private",
    state: value.state === "published" ? "published" : "packaging",
    durationMs: typeof value.durationMs === "number" ? value.durationMs : null,
    createdAt: typeof value.createdAt === "number" ? value.createdAt : 0,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
