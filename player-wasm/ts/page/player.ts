/** A title on a video element: makes hls.js, recovers from what can be recovered from, and says what happens. */
import Hls, { type ErrorData, type HlsConfig, type Level } from "hls.js";
import { asKeyveilError, curedByNewSession, KeyveilError, refusalOf } from "../errors.js";
import { KeyveilEventTarget, type PlayerState } from "../events.js";
import type { LoaderConstructor } from "../hls/loaders.js";
import type { Preview, ResolutionName } from "../protocol.js";
import type { KeyveilTitle } from "./title.js";

const NETWORK_RETRY_DELAYS_MS = [1_000, 2_000, 4_000, 8_000];
const DAMAGED_SEGMENTS_MAX = 4;
const MEDIA_RECOVERIES_MAX = 2;
const MEDIA_RECOVERY_SPAN_MS = 30_000;

export interface AttachOptions {
  readonly fileId?: string | undefined;
  /** Where to start, in seconds. */
  readonly position?: number | undefined;
  readonly autoplay?: boolean | undefined;
  /** Settings for hls.js; its loaders stay the player's. */
  readonly hls?: Partial<HlsConfig> | undefined;
  /** Address of hls.js' own worker; default: beside this module. */
  readonly hlsWorkerUrl?: string | URL | undefined;
}

/** One entry of a quality menu. */
export interface Quality {
  /** What `player.quality` takes. */
  readonly id: number;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
}

export const AUTO_QUALITY = -1;

interface PlayerHooks {
  open(): KeyveilTitle;
  closed(title: KeyveilTitle | null): void;
}

export class KeyveilPlayer extends KeyveilEventTarget {
  readonly video: HTMLVideoElement;
  /** Resolves once the title is open and its qualities are known; rejects with the error that made it impossible. */
  readonly ready: Promise<void>;
  readonly #options: AttachOptions;
  readonly #hooks: PlayerHooks;
  readonly #listening = new AbortController();
  #title: KeyveilTitle | null = null;
  #hls: Hls | null = null;
  #state: PlayerState = "idle";
  #error: KeyveilError | null = null;
  #settle: { resolve(): void; reject(error: KeyveilError): void } = { resolve: () => {}, reject: () => {} };
  #networkRetries = 0;
  #damagedSegments = 0;
  #mediaRecoveries: number[] = [];
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  /** Use `Keyveil.attach`. */
  constructor(video: HTMLVideoElement, options: AttachOptions, hooks: PlayerHooks) {
    super();
    this.video = video;
    this.#options = options;
    this.#hooks = hooks;
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

  /** Known from the `title` event on. */
  get title(): KeyveilTitle | null {
    return this.#title;
  }

  /** For what this class has no name for. */
  get hls(): Hls | null {
    return this.#hls;
  }

  get qualities(): readonly Quality[] {
    const names = this.#title?.opened ? this.#title.playback.resolutionNames : [];
    return (this.#hls?.levels ?? []).map((level, id) => quality(level, id, names));
  }

  /** What the viewer chose: `AUTO_QUALITY`, or the id of one of `qualities`. */
  get quality(): number {
    return this.#hls?.manualLevel ?? AUTO_QUALITY;
  }

  set quality(id: number) {
    if (this.#hls) this.#hls.nextLevel = id;
  }

  /** What plays now, whoever chose it. */
  get currentQuality(): Quality | null {
    return this.qualities[this.#hls?.currentLevel ?? AUTO_QUALITY] ?? null;
  }

  /** Opens the title and plays it. Called once, by `Keyveil.attach`. */
  async start(): Promise<void> {
    if (this.#state !== "idle") return;
    this.#become("loading");
    try {
      // Before anything is asked for: without MSE the browser would be handed ciphertext.
      if (!Hls.isSupported()) throw new KeyveilError("unsupported_browser");
      const title = this.#hooks.open();
      this.#title = title;
      this.forward(title, ["title", "exchange", "segment", "signature"]);
      title.on("error", ({ detail }) => this.#onTitleError(detail));
      title.followPosition(() => this.#positionMs());
      await title.start();
      if (this.state === "loading") this.#play(title);
    } catch (thrown) {
      if (this.state !== "destroyed") this.#fail(asKeyveilError(thrown, "worker_crashed"));
    }
  }

  /** Ends playback for a reason that was found outside of it. */
  fail(error: KeyveilError): void {
    this.video.pause();
    this.#fail(error);
    // What is buffered would play on without it, also where playback had failed before.
    if (error.code === "watermark_removed") this.#hls?.detachMedia();
  }

  destroy(): void {
    if (this.#state === "destroyed") return;
    this.#stop();
    this.#become("destroyed");
    this.#listening.abort();
    this.#settle.reject(new KeyveilError("destroyed"));
    this.#hooks.closed(this.#title);
  }

  #play(title: KeyveilTitle): void {
    const { video } = this;
    // AirPlay and casting fetch the stream by themselves, and would get ciphertext.
    video.disableRemotePlayback = true;
    const { autoplay = false, hls: config, hlsWorkerUrl } = this.#options;
    const hls = new Hls({
      backBufferLength: 30,
      startPosition: this.#startSecs(),
      // The ES module of hls.js has no worker inside: without this it would transmux on the page's own thread.
      workerPath: hlsWorkerUrl ? String(hlsWorkerUrl) : new URL("./hls.worker.js", import.meta.url).href,
      ...config,
      ...title.hlsConfig(config?.loader as LoaderConstructor | undefined),
    });
    this.#hls = hls;
    hls.on(Hls.Events.ERROR, (_event, data) => this.#onHlsError(data));
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      this.#become("ready");
      this.#settle.resolve();
      if (autoplay) video.play().catch(() => undefined);
    });
    hls.on(Hls.Events.FRAG_BUFFERED, () => {
      this.#networkRetries = 0;
    });
    this.#followVideo();
    hls.attachMedia(video);
    hls.loadSource(title.playlistUrl);
  }

  /** A position behind a preview's end shows its end. */
  #startSecs(): number {
    const { position = -1 } = this.#options;
    const end = this.#preview === null ? Number.POSITIVE_INFINITY : this.#preview.endMs / 1000;
    return position < end ? position : Math.max(0, end - 1);
  }

  get #preview(): Preview | null {
    return this.#title?.opened ? this.#title.playback.preview : null;
  }

  #followVideo(): void {
    const follow = (type: string, state: () => PlayerState) => {
      const listener = () => this.#hls && this.#state !== "error" && this.#become(state());
      this.video.addEventListener(type, listener, { signal: this.#listening.signal });
    };
    follow("playing", () => "playing");
    follow("waiting", () => (this.video.paused ? "paused" : "buffering"));
    follow("pause", () => (this.video.ended ? "ended" : "paused"));
    follow("ended", () => "ended");
  }

  #onTitleError(error: KeyveilError): void {
    // hls.js would ask for a damaged segment again and again.
    const damaged = error.code === "segment_damaged" && ++this.#damagedSegments >= DAMAGED_SEGMENTS_MAX;
    if (error.fatal || damaged) this.#fail(error);
    else this.emit("error", error);
  }

  #onHlsError(data: ErrorData): void {
    if (!data.fatal || this.#state === "error" || this.#state === "destroyed") return;
    const cause = data.error;
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR) this.#onNetworkError(data);
    else if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.#mayRecoverMedia()) this.#hls?.recoverMediaError();
    else this.#fail(new KeyveilError("media_error", undefined, { cause, fatal: true }));
  }

  #onNetworkError(data: ErrorData): void {
    const status = data.response?.code ?? 0;
    const error = refusalIn(data, status) ?? new KeyveilError("network", undefined, { cause: data.error, status });
    const isRefused = status === 401 || status === 403;
    // The origin refuses an old address: a new session brings a new one.
    const isOld = curedByNewSession(error) || (isRefused && ["network", "url_invalid"].includes(error.code));
    const delayMs = NETWORK_RETRY_DELAYS_MS[this.#networkRetries];
    if (delayMs === undefined || status === 404 || (error.fatal && !isOld)) {
      this.#fail(error.withFatal(true));
      return;
    }
    this.#networkRetries += 1;
    // A reopening tells of it itself.
    if (!isOld) this.emit("error", error);
    const reopened = isOld ? this.#title?.reopen(error) : undefined;
    Promise.resolve(reopened).then(
      () => {
        clearTimeout(this.#retryTimer);
        this.#retryTimer = setTimeout(() => this.#resume(), delayMs);
      },
      (thrown) => this.#fail(asKeyveilError(thrown, "network").withFatal(true)),
    );
  }

  #resume(): void {
    const { title } = this;
    if (!this.#hls || !title || this.#state === "error") return;
    if (this.#hls.levels.length === 0) this.#hls.loadSource(title.playlistUrl);
    else this.#hls.startLoad();
  }

  #mayRecoverMedia(): boolean {
    const now = performance.now();
    this.#mediaRecoveries = this.#mediaRecoveries.filter((at) => now - at < MEDIA_RECOVERY_SPAN_MS);
    this.#mediaRecoveries.push(now);
    return this.#mediaRecoveries.length <= MEDIA_RECOVERIES_MAX;
  }

  /** Ends playback for good. Listeners of the application's hls.js are told in its own terms. */
  #fail(error: KeyveilError): void {
    if (this.#state === "error" || this.#state === "destroyed") return;
    this.#error = error.withFatal(true);
    this.#become("error");
    const hls = this.#hls;
    if (hls && (error.type === "session" || error.type === "signature")) {
      hls.trigger(Hls.Events.ERROR, {
        type: Hls.ErrorTypes.KEY_SYSTEM_ERROR,
        details: Hls.ErrorDetails.KEY_SYSTEM_NO_SESSION,
        fatal: true,
        error,
      });
    }
    hls?.stopLoad();
    this.emit("error", this.#error);
    this.#settle.reject(this.#error);
  }

  #stop(): void {
    clearTimeout(this.#retryTimer);
    this.#hls?.destroy();
    this.#hls = null;
  }

  #positionMs(): number {
    const { video } = this;
    const seconds = video.readyState === 0 ? (this.#options.position ?? 0) : video.currentTime;
    return Math.max(0, seconds * 1000);
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

/** What the server said, where hls.js' own loader was refused. */
function refusalIn({ networkDetails }: ErrorData, status: number): KeyveilError | null {
  const body: unknown = (networkDetails as { response?: unknown } | null | undefined)?.response;
  if (typeof body === "string") return refusalOf(status, body);
  return body instanceof ArrayBuffer ? refusalOf(status, new TextDecoder().decode(body.slice(0, 64 << 10))) : null;
}

function quality(level: Level, id: number, names: readonly ResolutionName[]): Quality {
  const { width = 0, height = 0, bitrate } = level;
  const minEdge = Math.min(width, height) || height;
  const named = names.find(({ minEdgeLength }) => minEdgeLength === minEdge)?.name;
  return { id, name: named ?? (level.name || (minEdge ? `${minEdge}p` : `${id}`)), width, height, bitrate };
}
