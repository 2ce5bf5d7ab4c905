/**
 * The messages between the page and the engine in a sealed worker (docs/LEVELS.md). No type here has a buffer, a stream or a blob.
 * A `MediaSourceHandle` moves from the worker to the page; it can be played and not read. A text could hold anything: that captions
 * are of WebVTT, and no media under its name, is seen to where they are loaded (hls/segment-rules.ts).
 */
import type { WireError } from "./errors.js";

/** What a structured message can hold of an application's settings for hls.js. */
export type Plain = boolean | number | string | null | readonly Plain[] | { readonly [name: string]: Plain };
export type PlainSettings = { readonly [name: string]: Plain };

/** The video element at one moment. */
export interface VideoSnapshot {
  /** Seconds of media. */
  readonly currentTime: number;
  /** When that was: milliseconds since the epoch with fractions (`performance.timeOrigin + performance.now()`), the one clock both sides have. */
  readonly atMs: number;
  readonly playbackRate: number;
  readonly paused: boolean;
  readonly ended: boolean;
  readonly seeking: boolean;
  readonly readyState: number;
  /** How many ranges were played. */
  readonly playedRanges: number;
  readonly videoWidth: number;
  readonly videoHeight: number;
  /** Of the element, in CSS pixels, and how many device pixels one of them has. */
  readonly clientWidth: number;
  readonly clientHeight: number;
  readonly pixelRatio: number;
  readonly totalVideoFrames: number;
  readonly droppedVideoFrames: number;
  readonly visible: boolean;
  /** `MediaError.code` and its message. */
  readonly error: { readonly code: number; readonly message: string } | null;
}

/** Page to engine. */
export type EngineCommand =
  | {
      readonly type: "engine-start";
      /** Seconds; -1: the beginning. */
      readonly startPosition: number;
      readonly settings: PlainSettings;
      readonly video: VideoSnapshot;
    }
  /** `event` is the type of the media event that was just fired; null: a look in between. */
  | {
      readonly type: "video";
      readonly generation: number;
      readonly event: string | null;
      readonly snapshot: VideoSnapshot;
    }
  /** Goes on after trouble with the network, or loads the playlist again where none was there yet. */
  | { readonly type: "engine-resume" }
  | { readonly type: "engine-stop-load" }
  | { readonly type: "engine-recover-media" }
  /** Takes the source away from the video, and what is buffered with it. */
  | { readonly type: "engine-detach" }
  /** Numbers are ids of `EngineTracks`; -1: automatic, or no captions. */
  | { readonly type: "engine-quality"; readonly id: number }
  | { readonly type: "engine-audio-track"; readonly id: number }
  | { readonly type: "engine-subtitle-track"; readonly id: number }
  /** The end of a `reopen`: null, or why there is no new session. */
  | { readonly type: "reopened"; readonly id: number; readonly error: WireError | null }
  | { readonly type: "engine-stop" };

/** One entry of a quality menu. */
export interface EngineQuality {
  readonly id: number;
  /** As the playlist names it; may be empty. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
}

export interface EngineTrack {
  readonly id: number;
  readonly name: string;
  /** BCP 47; empty where the playlist says none. */
  readonly language: string;
}

/** What can be chosen and what is. */
export interface EngineTracks {
  readonly qualities: readonly EngineQuality[];
  /** What the viewer chose; -1: automatic. */
  readonly quality: number;
  /** What plays now; -1: nothing yet. */
  readonly currentQuality: number;
  readonly audioTracks: readonly EngineTrack[];
  readonly audioTrack: number;
  readonly subtitleTracks: readonly EngineTrack[];
  readonly subtitleTrack: number;
}

export const NO_TRACKS: EngineTracks = {
  qualities: [],
  quality: -1,
  currentQuality: -1,
  audioTracks: [],
  audioTrack: -1,
  subtitleTracks: [],
  subtitleTrack: -1,
};

/** One line of captions: what a `VTTCue` is made of. */
export interface CaptionCue {
  readonly id: string;
  /** Seconds. */
  readonly startTime: number;
  readonly endTime: number;
  readonly text: string;
  readonly line: number | "auto";
  readonly position: number | "auto";
  readonly size: number;
  readonly align: "start" | "center" | "end" | "left" | "right";
  readonly vertical: "" | "rl" | "lr";
  readonly snapToLines: boolean;
}

/** Why the engine can't go on by itself. */
export interface EngineFailure {
  readonly kind: "network" | "media" | "other";
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  /** What the server said, where a playlist was refused. */
  readonly refusal: WireError | null;
  readonly cause: string;
}

/** Engine to page. */
export type EngineReport =
  /** The video's source; null takes it away. Transferred. */
  | { readonly type: "media"; readonly generation: number; readonly handle: MediaSourceHandle | null }
  | { readonly type: "seek"; readonly generation: number; readonly seconds: number }
  /** The playlist is read: qualities are known. */
  | { readonly type: "engine-ready" }
  | { readonly type: "tracks"; readonly tracks: EngineTracks }
  | { readonly type: "cues"; readonly track: number; readonly cues: readonly CaptionCue[] }
  /** A segment is in the buffer. */
  | { readonly type: "buffered" }
  /** A segment was fetched and decrypted. */
  | {
      readonly type: "loaded";
      readonly rendition: number;
      readonly segment: number;
      /** As they were fetched. */
      readonly bytes: number;
      readonly fetchMs: number;
      readonly decryptMs: number;
    }
  | { readonly type: "engine-error"; readonly failure: EngineFailure }
  /** A load failed; it may be tried again by itself. */
  | { readonly type: "report"; readonly error: WireError }
  /** A load was refused for its session: a new one is wanted. */
  | { readonly type: "reopen"; readonly id: number; readonly cause: WireError };
