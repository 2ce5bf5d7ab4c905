import type { Level } from "../shared/level.ts";

/** What is happening, as the panel shows it. `watch.ts` fills it from the player's events. */
export interface Playback {
  title: PlaybackTitle | null;
  /** Where it is played; null as long as it is unknown, and where there is none. */
  level: Level | null;
  /** Seconds since 1970; null as long as it is unknown, and for clear titles. */
  expiresAt: number | null;
  exchanges: Series;
  decrypts: Series;
  positionMs: number;
  bufferedSecs: number;
  /** Null until a segment of it plays. */
  rendition: string | null;
}

export interface PlaybackTitle {
  readonly fileId: string;
  readonly name: string;
  readonly mode: "private" | "standard" | "clear";
  readonly cipher: string | null;
  readonly durationMs: number;
  readonly segmentMs: number;
  readonly periodSegments: number;
  readonly segmentCount: number;
  readonly trackClasses: readonly string[];
}

export function newPlayback(): Playback {
  return {
    title: null,
    level: null,
    expiresAt: null,
    exchanges: new Series(),
    decrypts: new Series(),
    positionMs: 0,
    bufferedSecs: 0,
    rendition: null,
  };
}

/** The period the playhead is in and how many there are, counted from one; null where there are none. */
export function currentPeriod(playback: Playback): { period: number; count: number } | null {
  const title = playback.title;
  if (title === null || title.mode === "clear" || title.segmentMs <= 0 || title.periodSegments <= 0) return null;
  const count = Math.max(1, Math.ceil(title.segmentCount / title.periodSegments));
  const period = Math.floor(playback.positionMs / (title.segmentMs * title.periodSegments));
  return { period: Math.min(period, count - 1) + 1, count };
}

/** Durations in milliseconds: the last few, and count and mean of all. */
export class Series {
  readonly #last: number[] = [];
  #count = 0;
  #sumMs = 0;

  add(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0) return;
    this.#last.push(ms);
    if (this.#last.length > SERIES_KEPT) this.#last.shift();
    this.#count += 1;
    this.#sumMs += ms;
  }

  get last(): readonly number[] {
    return this.#last;
  }

  get count(): number {
    return this.#count;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }
}

const SERIES_KEPT = 40;
