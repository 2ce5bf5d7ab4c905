import { call, list, type Page } from "./call.ts";
import type { TrackClass } from "./titles.ts";

/** One viewing. */
export interface Session {
  readonly sessionId: string;
  readonly fileId: string;
  readonly version: number;
  readonly uid: string | null;
  readonly kid: string;
  readonly buildId: string;
  readonly maxTrack: TrackClass;
  readonly origin: string | null;
  readonly active: boolean;
  readonly lastPositionMs: number;
  /** How often keys were released to it. */
  readonly releases: number;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

export interface SessionFilter {
  readonly fileId: string;
  readonly uid: string;
  readonly active: boolean | null;
}

export const listSessions = (
  filter: SessionFilter,
  after: string | null,
  signal?: AbortSignal,
): Promise<Page<Session>> => list("sessions", "/v1/sessions", { query: { ...filter, after }, signal });

export const revokeSession = (sessionId: string): Promise<null> =>
  call("DELETE", `/v1/sessions/${encodeURIComponent(sessionId)}`);
