/** A video element as far as the player uses it, and the document around it. */
import { vi } from "vitest";

export class FakeTextTrack {
  readonly kind = "subtitles";
  cues: { id: string; startTime: number; endTime: number; text: string }[] & {
    getCueById?: (id: string) => object | null;
  } = [];
  #mode: TextTrackMode = "disabled";
  readonly #list: EventTarget;

  constructor(list: EventTarget) {
    this.#list = list;
    this.cues.getCueById = (wanted) => this.cues.find(({ id }) => id === wanted) ?? null;
  }

  get mode(): TextTrackMode {
    return this.#mode;
  }

  set mode(mode: TextTrackMode) {
    if (mode === this.#mode) return;
    this.#mode = mode;
    // As browsers do: later, and once for all that changed meanwhile.
    queueMicrotask(() => this.#list.dispatchEvent(new Event("change")));
  }

  addCue(cue: never): void {
    this.cues.push(cue);
  }
}

export class FakeTrackElement {
  kind = "";
  label = "";
  srclang = "";
  src = "";
  isRemoved = false;

  constructor(readonly track: FakeTextTrack) {}

  remove(): void {
    this.isRemoved = true;
  }
}

export class FakeVideo extends EventTarget {
  paused = true;
  ended = false;
  seeking = false;
  currentTime = 0;
  readyState = 0;
  videoWidth = 640;
  videoHeight = 360;
  clientWidth = 320;
  clientHeight = 180;
  error: { code: number; message: string } | null = null;
  disableRemotePlayback = false;
  playbackRate = 1;
  readonly played = { length: 0 };
  readonly textTracks = new EventTarget();
  readonly nodes: FakeTrackElement[] = [];
  readonly ownerDocument = { createElement: () => new FakeTrackElement(new FakeTextTrack(this.textTracks)) };
  readonly play = vi.fn(async () => {
    this.paused = false;
  });
  #srcObject: unknown = null;
  /** Every source it was given. */
  readonly sources: unknown[] = [];

  get srcObject(): unknown {
    return this.#srcObject;
  }

  /** As browsers do: a video with another source stands still at its beginning and at normal speed. */
  set srcObject(source: unknown) {
    this.#srcObject = source;
    this.sources.push(source);
    this.paused = true;
    this.ended = false;
    this.currentTime = 0;
    this.readyState = 0;
    this.playbackRate = 1;
  }

  pause(): void {
    this.paused = true;
  }

  append(node: FakeTrackElement): void {
    this.nodes.push(node);
  }

  /** Events, one after the other. */
  fire(...types: string[]): void {
    for (const type of types) this.dispatchEvent(new Event(type));
  }

  get element(): HTMLVideoElement {
    return this as unknown as HTMLVideoElement;
  }

  /** The tracks it still has. */
  get tracks(): FakeTrackElement[] {
    return this.nodes.filter(({ isRemoved }) => !isRemoved);
  }
}

export class FakeCue {
  id = "";

  constructor(
    readonly startTime: number,
    readonly endTime: number,
    readonly text: string,
  ) {}
}
