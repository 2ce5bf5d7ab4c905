/**
 * What hls.js has in place of a video element, which no worker can reach: it says of the page's element what its last snapshot
 * said, and asks the page for what hls.js does to it (docs/LEVELS.md, "Between page and worker").
 */
import type { EngineCommand, EngineReport, VideoSnapshot } from "../../engine-messages.js";
import type { MediaSources } from "./globals.js";
import { bufferedIn, Spans } from "./time-ranges.js";

export type Report = (report: EngineReport, transfer?: Transferable[]) => void;
type VideoMessage = Extract<EngineCommand, { type: "video" }>;

const HAVE_NOTHING = 0;
const HAVE_CURRENT_DATA = 2;
/** A seek ends up so near to where it was to. */
const SEEK_TOLERANCE_SECS = 0.25;

interface Source {
  readonly token: string;
  readonly mediaSource: MediaSource;
}

interface Seek {
  readonly seconds: number;
  readonly atMs: number;
}

export class VideoShim extends EventTarget {
  // What hls.js looks at and the page does not tell, or what it sets in vain.
  readonly textTracks = Object.assign(new EventTarget(), { length: 0, onchange: null });
  readonly mediaKeys = null;
  readonly currentSrc = "";
  readonly width = 0;
  readonly height = 0;
  autoplay = false;
  loop = false;
  disableRemotePlayback = true;

  readonly #report: Report;
  readonly #sources: MediaSources;
  #snapshot: VideoSnapshot;
  #generation: number;
  #source: Source | null = null;
  #seek: Seek | null = null;
  /** How far the time went on since the last snapshot: hls.js empties the buffers before it takes the source away. */
  #reached = 0;
  /** Where playback is to begin once there is something to seek in: an element's "default playback start position". */
  #startAt = 0;

  constructor(report: Report, sources: MediaSources, snapshot: VideoSnapshot, generation = 0) {
    super();
    this.#report = report;
    this.#sources = sources;
    // The element may still play something else.
    this.#snapshot = withoutSource(snapshot);
    this.#generation = generation;
  }

  /** That of the last `media` report. */
  get generation(): number {
    return this.#generation;
  }

  /** Takes over what the page's element is now. What is about an earlier source is not looked at. */
  receive({ generation, event, snapshot }: VideoMessage): void {
    if (generation !== this.#generation) return;
    this.#snapshot = snapshot;
    this.#reached = snapshot.currentTime;
    const seek = this.#seek;
    if (seek && (event === "seeking" || event === "seeked") && confirms(snapshot, seek)) this.#seek = null;
    if (snapshot.readyState > HAVE_NOTHING && this.#startAt > 0) {
      const seconds = this.#startAt;
      this.#startAt = 0;
      if (Math.abs(snapshot.currentTime - seconds) > SEEK_TOLERANCE_SECS) this.#seekTo(seconds);
    }
    if (event !== null) this.dispatchEvent(new Event(event));
  }

  get currentTime(): number {
    if (this.#seek) return this.#seek.seconds;
    return this.readyState === HAVE_NOTHING && this.#startAt > 0 ? this.#startAt : this.#extrapolated();
  }

  set currentTime(seconds: number) {
    if (!Number.isFinite(seconds)) throw new TypeError("currentTime must be a finite number.");
    if (this.readyState === HAVE_NOTHING) this.#startAt = seconds;
    else this.#seekTo(seconds);
  }

  get seeking(): boolean {
    return this.#seek !== null || this.#snapshot.seeking;
  }

  /** Whether the page can be seen. */
  get visible(): boolean {
    return this.#snapshot.visible;
  }

  get paused(): boolean {
    return this.#snapshot.paused;
  }

  get ended(): boolean {
    return this.#snapshot.ended && !this.#seek;
  }

  get readyState(): number {
    return this.#snapshot.readyState;
  }

  get error(): VideoSnapshot["error"] {
    return this.#snapshot.error;
  }

  get playbackRate(): number {
    return this.#snapshot.playbackRate;
  }

  /** The viewer's affair. hls.js sets it for live streams alone, and only where it is told to. */
  set playbackRate(_rate: number) {}

  get videoWidth(): number {
    return this.#snapshot.videoWidth;
  }

  get videoHeight(): number {
    return this.#snapshot.videoHeight;
  }

  get clientWidth(): number {
    return this.#snapshot.clientWidth;
  }

  get clientHeight(): number {
    return this.#snapshot.clientHeight;
  }

  /** How many there were; their times stay with the page. */
  get played(): Spans {
    return new Spans(Array.from({ length: this.#snapshot.playedRanges }, () => ({ start: 0, end: 0 })));
  }

  getBoundingClientRect() {
    const { clientWidth: width, clientHeight: height } = this.#snapshot;
    return { x: 0, y: 0, left: 0, top: 0, right: width, bottom: height, width, height };
  }

  getVideoPlaybackQuality() {
    const { totalVideoFrames, droppedVideoFrames, atMs } = this.#snapshot;
    return { totalVideoFrames, droppedVideoFrames, corruptedVideoFrames: 0, creationTime: atMs };
  }

  /** From the worker's own buffers: a copy of the page's would lag behind them. */
  get buffered(): Spans {
    return this.#source ? bufferedIn(this.#source.mediaSource) : new Spans();
  }

  get duration(): number {
    return this.#source?.mediaSource.duration ?? Number.NaN;
  }

  get src(): string {
    return this.#source?.token ?? "";
  }

  /** Takes what `URL.createObjectURL` gave for a media source, and sends the page its handle, which can be done once. */
  set src(token: string) {
    const mediaSource = this.#sources.take(token);
    this.#forgetSource();
    this.#source = { token, mediaSource };
    const { handle } = mediaSource as unknown as { handle: MediaSourceHandle };
    this.#report({ type: "media", generation: this.#generation, handle }, [handle]);
  }

  removeAttribute(name: string): void {
    if (name !== "src" || !this.#source) return;
    this.#forgetSource();
    this.#report({ type: "media", generation: this.#generation, handle: null });
  }

  /** Nothing is left to do: `src` has done it. */
  load(): void {}

  /** The viewer's affair. */
  play(): Promise<void> {
    return Promise.resolve();
  }

  pause(): void {}

  canPlayType(): string {
    return "";
  }

  querySelector(): null {
    return null;
  }

  querySelectorAll(): readonly never[] {
    return [];
  }

  /** What the element says while it has lost its source is not looked at: whether it plays and where stays as it was, for the next one. */
  #forgetSource(): void {
    this.#startAt = this.ended ? 0 : this.currentTime;
    this.#source = null;
    this.#seek = null;
    this.#reached = 0;
    this.#generation += 1;
    this.#snapshot = withoutSource(this.#snapshot);
  }

  #seekTo(seconds: number): void {
    this.#seek = { seconds, atMs: nowMs() };
    this.#report({ type: "seek", generation: this.#generation, seconds });
  }

  /** Where the element is by now. It can't have passed the end of what is buffered. */
  #extrapolated(): number {
    const { currentTime, atMs, playbackRate, paused, ended, seeking, readyState } = this.#snapshot;
    if (paused || ended || seeking || readyState <= HAVE_CURRENT_DATA) return currentTime;
    const end = this.buffered.around(currentTime)?.end ?? currentTime;
    const passed = (Math.max(0, nowMs() - atMs) / 1000) * playbackRate;
    this.#reached = Math.max(this.#reached, Math.min(currentTime + passed, end));
    return this.#reached;
  }
}

/** The clock of snapshots. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** The same element before there is anything to play in it. */
function withoutSource(snapshot: VideoSnapshot): VideoSnapshot {
  const state = { currentTime: 0, readyState: HAVE_NOTHING, ended: false, seeking: false, error: null };
  return { ...snapshot, ...state, playedRanges: 0, videoWidth: 0, videoHeight: 0 };
}

/** Whether it is about this seek or a later one, and not about one that was under way when this was asked for. */
function confirms({ currentTime, atMs }: VideoSnapshot, seek: Seek): boolean {
  return atMs >= seek.atMs || Math.abs(currentTime - seek.seconds) <= SEEK_TOLERANCE_SECS;
}
