/** A title on a video element: drives an engine, and says what happens. The same at every level. */
import type { EngineTracks } from "../engine-messages.js";
import { asKeyveilError, KeyveilError } from "../errors.js";
import type { PlayerState } from "../events.js";
import type { Downgrade, Preview, ResolutionName, SdkLevel } from "../protocol.js";
import type { AttachOptions } from "./attach-options.js";
import { type MakeEngine, prepareEngine } from "./engines.js";
import { chooseLevel, type LevelChoice } from "./level.js";
import { mark, markFirstFrame } from "./marks.js";
import { PlayIntent } from "./play-intent.js";
import { PlayerTracks } from "./player-tracks.js";
import { Recovery } from "./recovery.js";
import type { KeyveilTitle } from "./title.js";

interface PlayerHooks {
  open(choice: LevelChoice): KeyveilTitle;
  closed(title: KeyveilTitle | null): void;
}

/** Where an engine takes over from one that was lost. */
interface Takeover {
  readonly rate: number;
  readonly chosen: EngineTracks;
}

export class KeyveilPlayer extends PlayerTracks {
  readonly video: HTMLVideoElement;
  /** Resolves once the title is open and its qualities are known; rejects with the error that made it impossible. */
  readonly ready: Promise<void>;
  readonly #options: AttachOptions;
  readonly #hooks: PlayerHooks;
  readonly #choice: LevelChoice;
  readonly #listening = new AbortController();
  readonly #intent: PlayIntent;
  readonly #recovery: Recovery;
  #title: KeyveilTitle | null = null;
  #state: PlayerState = "idle";
  #error: KeyveilError | null = null;
  #wasReady = false;
  /** Where playback will be, while the video has nothing to play. */
  #fromSecs: number;
  #settle: { resolve(): void; reject(error: KeyveilError): void } = { resolve: () => {}, reject: () => {} };

  /** Use `Keyveil.attach`. */
  constructor(video: HTMLVideoElement, options: AttachOptions, hooks: PlayerHooks) {
    super();
    this.video = video;
    this.#options = options;
    this.#hooks = hooks;
    this.#choice = chooseLevel(options);
    this.#fromSecs = options.position ?? 0;
    this.#intent = new PlayIntent(video, this.#listening.signal);
    this.#recovery = new Recovery({
      engine: () => (this.#hasEnded ? null : this.engine),
      reopen: (cause) => this.#title?.reopen(cause) ?? Promise.reject(cause),
      // What still comes of a playback that has failed is no news.
      tell: (error) => void (this.#hasEnded || this.emit("error", error)),
      fail: (error) => this.#fail(error),
    });
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.ready.catch(() => undefined);
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** The fatal error that ended playback. */
  get error(): KeyveilError | null {
    return this.#error;
  }

  /** `sealed`: all of hls.js runs in the worker; `guarded`: on the page, which gets decrypted segments. */
  get level(): SdkLevel {
    return this.#choice.level;
  }

  /** Why it is not sealed. */
  get downgrade(): Downgrade | null {
    return this.#choice.downgrade;
  }

  /** Known from the `title` event on. */
  get title(): KeyveilTitle | null {
    return this.#title;
  }

  /** Opens the title and plays it. Called once, by `Keyveil.attach`. */
  async start(): Promise<void> {
    if (this.#state !== "idle") return;
    this.#become("loading");
    mark("attach");
    try {
      // The worker starts while the engine is loaded; it asks for nothing before there is one.
      const title = this.#hooks.open(this.#choice);
      this.#title = title;
      this.forward(title, ["title", "exchange", "segment", "signature"]);
      title.on("error", ({ detail }) => this.#recovery.reported(detail));
      title.followPosition(() => this.#seconds * 1000);
      const make = await prepareEngine(this.level);
      if (this.state !== "loading") return;
      await title.start();
      if (this.state !== "loading") return;
      mark("granted");
      markFirstFrame(this.video, this.#listening.signal);
      // AirPlay and casting fetch the stream by themselves, and would get ciphertext.
      this.video.disableRemotePlayback = true;
      this.#followVideo();
      this.#play(title, make, null);
    } catch (thrown) {
      if (this.state !== "destroyed") this.#fail(asKeyveilError(thrown, "worker_crashed"));
    }
  }

  /** Ends playback for a reason that was found outside of it. */
  fail(error: KeyveilError): void {
    this.video.pause();
    this.#fail(error);
    // What is buffered would play on without it, also where playback had failed before.
    if (error.code === "watermark_removed") this.engine?.detach();
  }

  destroy(): void {
    if (this.#state === "destroyed") return;
    this.#recovery.stop();
    this.engine?.destroy();
    this.engine = null;
    this.#become("destroyed");
    this.#listening.abort();
    this.#settle.reject(new KeyveilError("destroyed"));
    this.#hooks.closed(this.#title);
  }

  #play(title: KeyveilTitle, make: MakeEngine, takeover: Takeover | null): void {
    const { video } = this;
    const startPosition = takeover ? this.#seconds : this.#startSecs();
    const start = { title, video, options: this.#options, startPosition, chosen: takeover?.chosen ?? null };
    const engine = make(start, {
      ready: () => this.#onReady(takeover),
      tracks: () => this.emit("tracks", {}),
      buffered: () => this.#recovery.buffered(),
      trouble: (trouble) => this.#recovery.trouble(trouble),
      failed: (error) => this.#fail(error),
      lost: (error) => void this.#replace(error, title, make),
    });
    this.engine = engine;
    engine.start();
  }

  #onReady(takeover: Takeover | null): void {
    const isFirst = !this.#wasReady;
    this.#wasReady = true;
    if (isFirst) {
      mark("playlist");
      this.#become("ready");
      this.#settle.resolve();
    }
    this.emit("tracks", {});
    if (takeover) this.video.playbackRate = takeover.rate;
    if (takeover && !this.#intent.isWanted && this.#state === "buffering") this.#become("paused");
    if ((takeover && this.#intent.isWanted) || (isFirst && this.#options.autoplay))
      this.video.play().catch(() => undefined);
  }

  /** The engine went with its worker: a new one goes on where playback was. */
  async #replace(error: KeyveilError, title: KeyveilTitle, make: MakeEngine): Promise<void> {
    const lost = this.engine;
    if (!lost || this.#hasEnded) return;
    const takeover = { rate: this.video.playbackRate, chosen: lost.tracks };
    // Until the next engine is there, the viewer may seek, play and pause: where and whether it plays is asked then.
    this.#fromSecs = this.#seconds;
    this.#intent.note();
    this.engine = null;
    lost.destroy();
    if (this.#intent.isWanted) this.#become("buffering");
    try {
      await title.reopen(error);
      if (!this.#hasEnded) this.#play(title, make, takeover);
    } catch (thrown) {
      this.#fail(asKeyveilError(thrown, "worker_crashed").withFatal(true));
    }
  }

  get #hasEnded(): boolean {
    return this.#state === "error" || this.#state === "destroyed";
  }

  protected override get resolutionNames(): readonly ResolutionName[] {
    return this.#title?.opened ? this.#title.playback.resolutionNames : [];
  }

  /** A position behind a preview's end shows its end. */
  #startSecs(): number {
    const { position = -1 } = this.#options;
    const end = this.#preview === null ? Number.POSITIVE_INFINITY : this.#preview.endMs / 1000;
    return position < end ? position : Math.max(0, end - 1);
  }

  /** Where playback is, or will be. A video without media keeps where it was told to seek to. */
  get #seconds(): number {
    const { readyState, currentTime } = this.video;
    return Math.max(0, readyState === 0 ? currentTime || this.#fromSecs : currentTime);
  }

  get #preview(): Preview | null {
    return this.#title?.opened ? this.#title.playback.preview : null;
  }

  #followVideo(): void {
    const follow = (type: string, state: () => PlayerState) => {
      const listener = () => this.engine && !this.#hasEnded && this.#become(state());
      this.video.addEventListener(type, listener, { signal: this.#listening.signal });
    };
    follow("playing", () => "playing");
    follow("waiting", () => (this.video.paused ? "paused" : "buffering"));
    follow("pause", () => (this.video.ended ? "ended" : "paused"));
    follow("ended", () => "ended");
  }

  /** Ends playback for good. */
  #fail(error: KeyveilError): void {
    if (this.#hasEnded) return;
    this.#error = error.withFatal(true);
    this.#become("error");
    this.engine?.fail(error);
    this.emit("error", this.#error);
    this.#settle.reject(this.#error);
  }

  #become(state: PlayerState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit("state", { state });
    if (state !== "ended") return;
    if (this.#preview) this.emit("previewend", this.#preview);
    this.emit("ended", {});
  }
}
