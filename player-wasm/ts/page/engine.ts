/** What a player drives: hls.js, on the page or in a sealed worker. Everything an application sees is above it and the same for both. */
import type Hls from "hls.js";
import type { EngineTracks } from "../engine-messages.js";
import type { KeyveilError } from "../errors.js";
import type { SdkLevel } from "../protocol.js";

/** Why the engine can't go on by itself. */
export interface EngineTrouble {
  readonly kind: "network" | "media" | "other";
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  /** What the server said, where a playlist was refused. */
  readonly refusal: KeyveilError | null;
  readonly cause: unknown;
}

export interface EngineEvents {
  /** The playlist is read: qualities are known. */
  ready(): void;
  /** `tracks` has changed. */
  tracks(): void;
  /** A segment is in the buffer. */
  buffered(): void;
  trouble(trouble: EngineTrouble): void;
}

export interface Engine {
  readonly level: SdkLevel;
  /** On the page only: for what an `Engine` has no name for. */
  readonly hls: Hls | null;
  readonly tracks: EngineTracks;
  /** Ids of `tracks`; -1: automatic, or no captions. */
  chooseQuality(id: number): void;
  chooseAudioTrack(id: number): void;
  /** Gives the video its source and loads. Called once. */
  start(): void;
  /** Goes on after trouble with the network, or loads the playlist again where none was there yet. */
  resume(): void;
  recoverMedia(): void;
  stopLoad(): void;
  /** Playback has ended for good: loads no more, and tells listeners of the page's hls.js in its own terms. */
  fail(error: KeyveilError): void;
  /** Takes the source away from the video, and what is buffered with it. */
  detach(): void;
  destroy(): void;
}
