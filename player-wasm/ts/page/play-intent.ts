/**
 * Whether viewer and application want the video to play. A browser pauses what fails, and a source that is taken away is paused with it:
 * neither asks it to stop.
 */
export class PlayIntent {
  readonly #video: HTMLVideoElement;
  readonly #signal: AbortSignal;
  #isWanted: boolean;

  constructor(video: HTMLVideoElement, signal: AbortSignal) {
    this.#video = video;
    this.#signal = signal;
    this.#isWanted = !video.paused;
    video.addEventListener("play", () => this.#set(true), { signal });
    video.addEventListener("pause", () => video.error || this.#set(false), { signal });
  }

  /** The source is about to be made anew: plays on once it is there. */
  keep(): void {
    const goOn = () => this.#isWanted && this.#video.play().catch(() => undefined);
    this.#video.addEventListener("loadedmetadata", goOn, { once: true, signal: this.#signal });
  }

  #set(isWanted: boolean): void {
    this.#isWanted = isWanted;
  }
}
