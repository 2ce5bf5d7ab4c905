/**
 * Whether the video is to play, and playing on where a source was made anew. A browser pauses what it can't decode, and a source that is taken
 * away is paused with it: neither is what viewer or application asked for. hls.js recovers from much by itself, so this goes by what happens
 * to the video.
 */
export class PlayIntent {
  readonly #video: HTMLVideoElement;
  #isWanted = false;

  constructor(video: HTMLVideoElement, signal: AbortSignal) {
    this.#video = video;
    const on = (type: string, listener: () => void) => video.addEventListener(type, listener, { signal });
    on("play", () => {
      this.#isWanted = true;
    });
    on("pause", () => {
      if (!video.error) this.#isWanted = false;
    });
    on("loadedmetadata", () => {
      if (this.#isWanted) video.play().catch(() => undefined);
    });
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** The source is about to go without an engine that could keep it: what the video does now is what is wanted, until something else is. */
  note(): void {
    const { readyState, paused, ended } = this.#video;
    // One without media stands still whatever is wanted.
    if (readyState > 0) this.#isWanted = !paused && !ended;
  }
}
