import { call, list, type Page } from "./call.ts";
import type { SessionLevel } from "./levels.ts";
import type { Mode, TrackClass } from "./titles.ts";

export type EndedBy = "request" | "viewer" | "signingKey" | "superseded" | "title" | "pacing";

/** Why a session looks like theft. */
export type Reason =
  | "ahead_of_play"
  | "seek_harvest"
  | "faster_than_play"
  | "parallel_sessions"
  | "many_addresses"
  | "impossible_position"
  | "impossible_counter"
  | "old_build";

/** One viewing. */
export interface Session extends SessionLevel {
  readonly sessionId: string;
  readonly fileId: string;
  readonly version: number;
  readonly uid: string | null;
  /** The signature's mark. */
  readonly us: string | null;
  readonly kid: string;
  /** Null where no player of ours plays. */
  readonly buildId: string | null;
  readonly mode: Mode;
  readonly maxTrack: TrackClass;
  readonly origin: string | null;
  /** The network of who opened it. */
  readonly ipClass: string | null;
  readonly active: boolean;
  readonly lastPositionMs: number;
  /** How often keys were released to it. */
  readonly releases: number;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly endedBy: EndedBy | null;
  /** How much it looks like theft, at its worst: 0 to 100. */
  readonly score: number;
  readonly reasons: readonly Reason[];
}

export interface SessionDetail extends Session {
  readonly periodsReleased: readonly {
    readonly trackClass: TrackClass;
    /** Ranges, both ends included. */
    readonly periods: readonly (readonly [number, number])[];
  }[];
  /** The networks that keys were asked for from. */
  readonly addresses: readonly string[];
  readonly limits: {
    readonly previewSegments: number | null;
    readonly ip: readonly string[];
    readonly rlimit: number | null;
    /** The page satisfies each list. */
    readonly domains: readonly (readonly string[])[];
    readonly once: boolean;
    readonly sessions: number | null;
  };
}

export interface SessionFilter {
  readonly fileId: string;
  readonly uid: string;
  readonly kid: string;
  readonly active: boolean | null;
  /** Only those whose score is so high. */
  readonly minScore: number | null;
}

/** What a reason for suspicion counts at least; less is a hint beside others. */
export const SUSPECTED_SCORE = 30;

const at = (sessionId: string): string => `/v1/sessions/${encodeURIComponent(sessionId)}`;

export const listSessions = (
  filter: SessionFilter,
  after: string | null,
  signal?: AbortSignal,
): Promise<Page<Session>> => list("sessions", "/v1/sessions", { query: { ...filter, after }, signal });

export const readSession = (sessionId: string, signal?: AbortSignal): Promise<SessionDetail> =>
  call("GET", at(sessionId), { signal });

export const revokeSession = (sessionId: string): Promise<null> => call("DELETE", at(sessionId));

/** Every session of a viewer. */
export const revokeViewer = (uid: string): Promise<{ readonly count: number }> =>
  call("POST", "/v1/sessions/revoke", { body: { uid } });

/** Every session that stands on a signing key, which stays in use. */
export const revokeSignedBy = (kid: string): Promise<{ readonly count: number }> =>
  call("POST", "/v1/sessions/revoke", { body: { kid } });
