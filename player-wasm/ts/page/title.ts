/** A title that is open: its session in the worker, its media addresses, and the loaders that hls.js gets. */
import { asKeyveilError, curedByNewSession, KeyveilError } from "../errors.js";
import { KeyveilEventTarget } from "../events.js";
import {
  createLoaders,
  createStandardLoaders,
  type LoaderConstructor,
  type LoaderHost,
  type Loaders,
} from "../hls/loaders.js";
import { MediaUrls } from "../hls/media-urls.js";
import type { PlaylistRules } from "../hls/playlist.js";
import { playlistRulesOf } from "../hls/playlist-rules.js";
import type { InitMessage } from "../messages.js";
import { type Playback, parseSegmentRef, type Renewal } from "../protocol.js";
import { type GetSignature, requestSignature, type SignatureReason, SignatureRefresh } from "./signature.js";
import {
  type ConnectionEvents,
  type LoadedSegment,
  type OnLoadProgress,
  type SegmentLoadRequest,
  WorkerConnection,
  type WorkerLike,
} from "./worker-connection.js";

/** A crashed worker or a lost session is replaced once; a second time within this span it is fatal. */
const REOPEN_SPAN_MS = 60_000;

/** Settings of hls.js that must stay as they are. */
export interface HlsSettings extends Loaders {
  readonly enableInterstitialPlayback: false;
}

export interface TitleOptions {
  readonly spawn: () => WorkerLike;
  readonly init: InitMessage;
  readonly initTimeoutMs: number;
  readonly getSignature: GetSignature;
  readonly fileId?: string | undefined;
  readonly positionMs: number;
}

export class KeyveilTitle extends KeyveilEventTarget implements LoaderHost {
  readonly #options: TitleOptions;
  readonly #refresh: SignatureRefresh;
  readonly #connectionEvents: ConnectionEvents = {
    exchange: (kind, ms, period) => this.emit("exchange", { kind, ms, period }),
    renewed: (renewal) => this.#accept(renewal),
    engine: () => undefined,
    lost: () => undefined,
  };
  #connection: WorkerConnection;
  #playback: Playback | null = null;
  #psign = "";
  #urls: MediaUrls | null = null;
  #reopening: Promise<void> | null = null;
  #reopenedMs = Number.NEGATIVE_INFINITY;
  #destroyed = false;
  #position: (() => number) | null = null;

  /** Use `Keyveil.open`. `connection` is one that was started in advance. */
  constructor(options: TitleOptions, connection?: WorkerConnection) {
    super();
    this.#options = options;
    if (connection) connection.events = this.#connectionEvents;
    this.#connection = connection ?? this.#connect();
    this.#refresh = new SignatureRefresh({
      renew: () => this.#renew(),
      failed: (thrown) => this.report(asKeyveilError(thrown, "signature_unavailable").withFatal(false)),
    });
  }

  /** Whether the server has told what follows. */
  get opened(): boolean {
    return this.#playback !== null;
  }

  /** The title's public facts. */
  get info(): Playback["title"] {
    return this.#played.title;
  }

  /** All that `/v1/play` told in the open. */
  get playback(): Playback {
    return this.#played;
  }

  /** Text to draw over the video, if the signature asks for one. */
  get watermark(): string | null {
    return this.#played.watermark;
  }

  /** The master playlist, under the token that is valid now. */
  get playlistUrl(): string {
    return this.currentUrl(this.#played.playlistUrl);
  }

  /** What an application's own hls.js needs: `new Hls({ ...yours, ...title.hlsConfig() })`. */
  hlsConfig(loader?: LoaderConstructor): HlsSettings {
    const loaders = (this.info.mode === "standard" ? createStandardLoaders : createLoaders)(this, loader);
    // hls.js would play another title in between with these loaders, its segments counted from 0 again: they would pass for the clear lead.
    return { ...loaders, enableInterstitialPlayback: false };
  }

  /** Where playback is, in milliseconds, for the server's pacing; without it the segment's own time is told. */
  followPosition(position: (() => number) | null): void {
    this.#position = position;
  }

  /** Makes a session. Called once, by `Keyveil.open`. */
  async start(): Promise<void> {
    await this.#play("start");
  }

  /** A new session with a fresh signature; concurrent callers share one. Fatal when it comes too often. */
  reopen(cause: KeyveilError): Promise<void> {
    if (this.#destroyed) return Promise.reject(new KeyveilError("destroyed"));
    this.#reopening ??= this.#reopen(cause).finally(() => {
      this.#reopening = null;
    });
    return this.#reopening;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#refresh.stop();
    this.#connection.destroy();
  }

  // LoaderHost

  currentUrl(url: string): string {
    return this.#urls?.current(url) ?? url;
  }

  playlistRules(): PlaylistRules {
    return playlistRulesOf(this.#played, this.#psign);
  }

  async load(request: SegmentLoadRequest, signal: AbortSignal, onProgress: OnLoadProgress): Promise<LoadedSegment> {
    const reopenedMs = this.#reopenedMs;
    try {
      return await this.#loadOnce(request, signal, onProgress);
    } catch (thrown) {
      const error = asKeyveilError(thrown, "worker_crashed");
      const curable = curedByNewSession(error) || error.code === "worker_crashed";
      if (!curable || signal.aborted || this.#destroyed) throw error;
      // A refusal that was on its way while another one brought a new session is about the old session.
      if (this.#reopening || this.#reopenedMs === reopenedMs) await this.reopen(error);
      return this.#loadOnce(request, signal, onProgress);
    }
  }

  report(error: KeyveilError): void {
    if (!this.#destroyed) this.emit("error", error);
  }

  async #loadOnce(request: SegmentLoadRequest, signal: AbortSignal, onProgress: OnLoadProgress) {
    const positionMs = this.#position?.() ?? request.positionMs;
    const url = this.currentUrl(request.url);
    const loaded = await this.#connection.load({ ...request, url, positionMs }, signal, onProgress);
    const ref = parseSegmentRef(request.reference);
    this.emit("segment", {
      rendition: ref?.rendition ?? 0,
      segment: ref?.segment ?? 0,
      bytes: loaded.bytes.byteLength,
      fetchMs: loaded.timing.fetchMs,
      decryptMs: loaded.timing.decryptMs,
    });
    return loaded;
  }

  get #played(): Playback {
    if (!this.#playback) throw new KeyveilError("session_invalid", "The title is not open yet.");
    return this.#playback;
  }

  #connect(): WorkerConnection {
    const { spawn, init, initTimeoutMs } = this.#options;
    const connection = new WorkerConnection(spawn, init, initTimeoutMs);
    connection.events = this.#connectionEvents;
    return connection;
  }

  async #play(reason: SignatureReason): Promise<void> {
    const { getSignature, positionMs } = this.#options;
    const fileId = this.#playback?.title.fileId ?? this.#options.fileId;
    const psign = await requestSignature(getSignature, fileId, reason);
    const playback = await this.#connection.play({
      psign,
      fileId,
      positionMs: this.#position?.() ?? positionMs,
      level: "guarded",
      downgrade: "application",
    });
    if (this.#destroyed) throw new KeyveilError("destroyed");
    this.#psign = psign;
    this.#playback = playback;
    this.#urls = new MediaUrls(playback.playlistUrl);
    this.#refresh.plan(playback.session);
    this.emit("title", playback);
    this.emit("signature", { reason, expiresAt: playback.session.expiresAt });
  }

  async #renew(): Promise<Renewal> {
    const { fileId } = this.#played.title;
    const psign = await requestSignature(this.#options.getSignature, fileId, "refresh");
    if (psign === this.#psign) {
      throw new KeyveilError(
        "signature_unavailable",
        "getSignature gave the signature in use; it must give a newer one.",
      );
    }
    const renewal = await this.#connection.renew(psign, this.#position?.() ?? this.#options.positionMs);
    this.#psign = psign;
    this.#accept(renewal);
    this.emit("signature", { reason: "refresh", expiresAt: renewal.session.expiresAt });
    return renewal;
  }

  #accept({ session, playlistUrl }: Renewal): void {
    this.#urls?.update(playlistUrl);
    this.#refresh.plan(session);
  }

  async #reopen(cause: KeyveilError): Promise<void> {
    if (performance.now() - this.#reopenedMs < REOPEN_SPAN_MS) throw cause.withFatal(true);
    this.#reopenedMs = performance.now();
    this.report(cause.withFatal(false));
    if (this.#connection.failure) this.#connection = this.#connect();
    await this.#play("refresh");
  }
}
