import "@keyveil/player/element";
import type { KeyveilError, KeyveilEventMap } from "@keyveil/player";
import type { KeyveilPlayerElement } from "@keyveil/player/element";
import { h } from "../shared/dom.ts";
import { type Failure, failureFrom } from "../shared/failure.ts";
import { levelIn } from "../shared/level.ts";
import { newPlayback, type Playback } from "./playback.ts";

/** What is watched, and by what right. */
export interface Watched {
  /** Null leaves it to the signature. */
  readonly fileId: string | null;
  /** A lower level than the browser can; absent plays at the highest. */
  readonly level?: "guarded" | null;
  /** Called at the start and whenever the signature has expired. */
  getSignature(): string | Promise<string>;
}

export interface WatchListener {
  /** Something of the playback changed. */
  changed(playback: Playback): void;
  /** There is a picture, or there could be one as soon as the viewer presses play. */
  ready(): void;
  /** Playback ended for good, for a reason that can be shown. */
  failed(failure: Failure): void;
}

/** One viewing: a `<keyveil-player>` in the stage, and what it tells, gathered into a `Playback`. */
export class Watch {
  readonly #player: KeyveilPlayerElement;
  readonly #listener: WatchListener;
  readonly #playback = newPlayback();
  readonly #timer: number;

  constructor(stage: HTMLElement, watched: Watched, listener: WatchListener) {
    this.#listener = listener;
    this.#player = document.createElement("keyveil-player");
    this.#listen();
    this.#player.setAttribute("server", location.origin);
    this.#player.setAttribute("worker-url", "/sdk/worker.js");
    if (watched.fileId !== null) this.#player.setAttribute("file-id", watched.fileId);
    if (watched.level) this.#player.setAttribute("level", watched.level);
    this.#player.getSignature = () => watched.getSignature();
    // The page says itself what went wrong, so the element's own words are left out.
    this.#player.append(h("span", { slot: "error" }));
    this.translate();
    stage.prepend(this.#player);
    this.#timer = window.setInterval(() => this.#measure(), MEASURE_EVERY_MS);
  }

  /** Opens the title again, where it stopped. */
  retry(): void {
    this.#player.load();
  }

  /** The controls speak the page's language. */
  translate(): void {
    this.#player.lang = document.documentElement.lang;
  }

  /** Controls that a curtain covers must not be reached by keyboard either. */
  cover(covered: boolean): void {
    this.#player.inert = covered;
  }

  play(): void {
    void this.#player.play().catch(() => {});
  }

  /** A key as the player's own controls understand it; false when it is none of theirs. */
  press(key: string): boolean {
    const video = this.#player.video;
    if (key === " ") {
      if (video.paused) this.play();
      else this.#player.pause();
    } else if (key === "ArrowLeft") video.currentTime -= SEEK_SECS;
    else if (key === "ArrowRight") video.currentTime += SEEK_SECS;
    else return false;
    return true;
  }

  /** Ends the viewing: session, worker and element. */
  end(): void {
    window.clearInterval(this.#timer);
    this.#player.remove();
  }

  #listen(): void {
    const on = <K extends keyof KeyveilEventMap>(type: K, listener: (detail: KeyveilEventMap[K]) => void): void => {
      this.#player.addEventListener(type, (event) => listener((event as CustomEvent<KeyveilEventMap[K]>).detail));
    };
    on("title", (detail) => this.#titleKnown(detail));
    on("exchange", ({ ms }) => this.#playback.exchanges.add(ms));
    on("segment", ({ decryptMs }) => {
      if (this.#playback.title?.mode === "private") this.#playback.decrypts.add(decryptMs);
    });
    on("signature", ({ expiresAt }) => {
      this.#playback.expiresAt = expiresAt;
    });
    on("state", ({ state }) => {
      if (state === "ready" || state === "playing") this.#listener.ready();
      this.#measure();
    });
    on("error", (error: KeyveilError) => {
      if (error.fatal) this.#listener.failed(failureFrom(error));
    });
  }

  #titleKnown({ title, session, trackClasses }: KeyveilEventMap["title"]): void {
    const classes = trackClasses.length > 0 ? trackClasses : title.renditions.map(({ trackClass }) => trackClass);
    this.#playback.title = { ...title, trackClasses: [...new Set(classes)] };
    this.#playback.level = levelIn(Reflect.get(session, "level"));
    this.#playback.expiresAt = session.id === null ? null : session.expiresAt;
    this.#measure();
  }

  #measure(): void {
    const video = this.#player.video;
    const playback = this.#playback;
    playback.positionMs = video.currentTime * 1000;
    playback.bufferedSecs = bufferedAhead(video);
    playback.rendition = video.videoHeight > 0 ? `${video.videoWidth} × ${video.videoHeight}` : null;
    this.#listener.changed(playback);
  }
}

const MEASURE_EVERY_MS = 500;
const SEEK_SECS = 10;

function bufferedAhead(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let range = 0; range < buffered.length; range += 1) {
    if (buffered.start(range) <= currentTime + 0.1 && currentTime <= buffered.end(range))
      return buffered.end(range) - currentTime;
  }
  return 0;
}
