/** Tells the engine in the worker what its video element does. */
import type { VideoSnapshot } from "../engine-messages.js";

/** `timeupdate` comes about four times a second while it plays: a look in between needs no timer. */
const EVENTS = [
  "loadstart",
  "durationchange",
  "loadedmetadata",
  "loadeddata",
  "canplay",
  "canplaythrough",
  "play",
  "playing",
  "pause",
  "waiting",
  "stalled",
  "seeking",
  "seeked",
  "timeupdate",
  "ratechange",
  "ended",
  "error",
  "emptied",
  "resize",
  "enterpictureinpicture",
  "leavepictureinpicture",
];

export class VideoMirror {
  readonly #video: HTMLVideoElement;
  readonly #tell: (event: string | null) => void;
  readonly #sizes: ResizeObserver | null;
  #losing = false;

  /** `tell` hears the type of each media event, and null where something else has changed. */
  constructor(video: HTMLVideoElement, tell: (event: string | null) => void) {
    this.#video = video;
    this.#tell = tell;
    for (const type of EVENTS) video.addEventListener(type, this.#heard);
    globalThis.document?.addEventListener("visibilitychange", this.#look);
    this.#sizes = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(this.#look);
    this.#sizes?.observe(video);
  }

  /** The video was just given another source: what it fires until it looks at that one is about the one before. */
  sourceChanged(): void {
    this.#losing = true;
  }

  snapshot(): VideoSnapshot {
    const video = this.#video;
    const { totalVideoFrames = 0, droppedVideoFrames = 0 } = video.getVideoPlaybackQuality?.() ?? {};
    return {
      currentTime: video.currentTime,
      atMs: performance.timeOrigin + performance.now(),
      playbackRate: video.playbackRate,
      paused: video.paused,
      ended: video.ended,
      seeking: video.seeking,
      readyState: video.readyState,
      playedRanges: video.played.length,
      videoWidth: video.videoWidth,
      videoHeight: video.videoHeight,
      clientWidth: video.clientWidth,
      clientHeight: video.clientHeight,
      pixelRatio: globalThis.devicePixelRatio ?? 1,
      totalVideoFrames,
      droppedVideoFrames,
      visible: globalThis.document?.visibilityState !== "hidden",
      error: video.error && { code: video.error.code, message: video.error.message },
    };
  }

  stop(): void {
    for (const type of EVENTS) this.#video.removeEventListener(type, this.#heard);
    globalThis.document?.removeEventListener("visibilitychange", this.#look);
    this.#sizes?.disconnect();
  }

  readonly #look = (): void => this.#tell(null);

  readonly #heard = ({ type }: Event): void => {
    if (type === "loadstart" || type === "loadedmetadata") this.#losing = false;
    if (!this.#losing) this.#tell(type);
  };
}
