/** A title that is open: its session in the worker, and what an engine needs to play it. */
import type { EngineCommand, EngineReport } from "../engine-messages.js";
import { asKeyveilError, curedByNewSession, KeyveilError } from "../errors.js";
import { KeyveilEventTarget } from "../events.js";
import { orLeftOut } from "../hls/left-out.js";
import type { LoaderConstructor, LoaderHost } from "../hls/loaders.js";
import type { PlaylistRules } from "../hls/playlist.js";
import { playlistRulesOf } from "../hls/playlist-rules.js";
import { SessionRetry } from "../hls/session-retry.js";
import type { HlsSettings, hlsSettings } from "../hls/settings.js";
import { type Playback, parseSegmentRef, type SdkLevel } from "../protocol.js";
import { traceIdOf } from "../traceparent.js";
import { type SessionOptions, TitleSession } from "./title-session.js";
import type { LoadedSegment, OnLoadProgress, SegmentLoadRequest, WorkerConnection } from "./worker-connection.js";

export interface TitleOptions extends SessionOptions {
  /** Of titles for an application's own hls.js. */
  readonly hlsSettings?: typeof hlsSettings | undefined;
}

/** The page's end of the engine in a sealed worker. */
export interface EngineListener {
  report(report: EngineReport): void;
  /** The worker is gone, and the engine with it. */
  lost(error: KeyveilError): void;
}

export class KeyveilTitle extends KeyveilEventTarget implements LoaderHost {
  readonly #options: TitleOptions;
  readonly #session: TitleSession;
  readonly #retry = new SessionRetry((cause) => this.reopen(cause));
  #position: (() => number) | null = null;
  #limited: ((playback: Playback) => void) | null = null;
  #listener: EngineListener | null = null;

  /** Use `Keyveil.open`. `connection` is one that was started in advance. */
  constructor(options: TitleOptions, connection?: WorkerConnection) {
    super();
    this.#options = options;
    this.#session = new TitleSession(
      options,
      {
        positionMs: () => this.#position?.(),
        exchange: (kind, ms, period) => this.emit("exchange", { kind, ms, period }),
        opened: (playback) => {
          this.#retry.opened();
          this.#limited?.(playback);
          this.emit("title", playback);
        },
        limited: (playback) => this.#limited?.(playback),
        signed: (reason, expiresAt) => this.emit("signature", { reason, expiresAt }),
        troubled: (error) => this.report(error),
        engine: (report) => this.#onReport(report),
        lost: (error) => this.#listener?.lost(error),
      },
      connection,
    );
  }

  /** Whether the server has told what follows. */
  get opened(): boolean {
    return this.#session.playback !== null;
  }

  /** Where its media becomes clear. */
  get level(): SdkLevel {
    return this.#options.choice.level;
  }

  /** Names its trace to whoever runs the key server; null: it has none. */
  get traceId(): string | null {
    const { trace } = this.#options;
    return trace ? traceIdOf(trace) : null;
  }

  /** The title's public facts. */
  get info(): Playback["title"] {
    return this.playback.title;
  }

  /** All that `/v1/play` told in the open. */
  get playback(): Playback {
    const { playback } = this.#session;
    if (!playback) throw new KeyveilError("session_invalid", "The title is not open yet.");
    return playback;
  }

  /** Text to draw over the video, if the signature asks for one. */
  get watermark(): string | null {
    return this.playback.watermark;
  }

  /** The master playlist, under the token that is valid now. */
  get playlistUrl(): string {
    return this.currentUrl(this.playback.playlistUrl);
  }

  /** The WebVTT file of its thumbnails, under the token that is valid now where the media are at the same server; null: it has none. */
  get spritesUrl(): string | null {
    const { spritesUrl } = this.playback;
    return spritesUrl && this.currentUrl(spritesUrl);
  }

  /** What an application's own hls.js needs: `new Hls({ ...yours, ...title.hlsConfig() })`. Of titles of `Keyveil.open`. */
  hlsConfig(loader?: LoaderConstructor): HlsSettings {
    const { hlsSettings } = this.#options;
    if (!hlsSettings) throw new TypeError("A player plays this title; open it by `keyveil.open()` for your own hls.js");
    return hlsSettings(this, this.info.mode, loader);
  }

  /** Where playback is, in milliseconds, for the server's pacing; without it the segment's own time is told. */
  followPosition(position: (() => number) | null): void {
    this.#position = position;
  }

  /** Who hears what is left of the title after each renewal, and in each new session. */
  followLimits(limited: ((playback: Playback) => void) | null): void {
    this.#limited = limited;
  }

  /** Makes a session. Called once, by `Keyveil.open`. */
  async start(): Promise<void> {
    await this.#session.open("start");
  }

  /** A new session with a fresh signature; concurrent callers share one. Fatal when it comes too often. */
  reopen(cause: KeyveilError): Promise<void> {
    return this.#session.reopen(cause);
  }

  /** Who hears the engine in the sealed worker; null: nobody, and a lost worker is no news. */
  followEngine(listener: EngineListener | null): void {
    this.#listener = listener;
  }

  /** To the engine in the sealed worker. */
  send(command: EngineCommand): void {
    this.#session.send(command);
  }

  destroy(): void {
    this.#session.destroy();
  }

  // LoaderHost

  currentUrl(url: string): string {
    return this.#session.currentUrl(url);
  }

  playlistRules(): PlaylistRules {
    return playlistRulesOf(this.playback);
  }

  load(request: SegmentLoadRequest, signal: AbortSignal, onProgress: OnLoadProgress): Promise<LoadedSegment> {
    return this.#retry.run(
      () => this.#loadOnce(request, signal, onProgress),
      (thrown) => {
        const error = asKeyveilError(thrown, "worker_crashed");
        const curable = curedByNewSession(error) || error.code === "worker_crashed";
        return curable && !signal.aborted && !this.#session.destroyed ? error : null;
      },
    );
  }

  report(error: KeyveilError): void {
    if (!this.#session.destroyed) this.emit("error", error);
  }

  async #loadOnce(request: SegmentLoadRequest, signal: AbortSignal, onProgress: OnLoadProgress) {
    const positionMs = this.#position?.() ?? request.positionMs;
    const url = this.currentUrl(request.url);
    const loaded = await this.#session.load({ ...request, url, positionMs }, signal, onProgress).catch((thrown) => {
      throw orLeftOut(asKeyveilError(thrown, "worker_crashed"), request.reference, this.playback);
    });
    const ref = parseSegmentRef(request.reference);
    this.emit("segment", {
      rendition: ref?.rendition ?? 0,
      segment: ref?.segment ?? 0,
      bytes: loaded.loadedBytes,
      fetchMs: loaded.timing.fetchMs,
      decryptMs: loaded.timing.decryptMs,
    });
    return loaded;
  }

  /** What is the session's business is done here; the rest is the engine's. */
  #onReport(report: EngineReport): void {
    switch (report.type) {
      case "loaded": {
        const { rendition, segment, bytes, fetchMs, decryptMs } = report;
        this.emit("segment", { rendition, segment, bytes, fetchMs, decryptMs });
        this.#listener?.report(report);
        break;
      }
      case "report":
        this.report(KeyveilError.fromWire(report.error));
        break;
      case "reopen":
        void this.#reopenFor(report.id, KeyveilError.fromWire(report.cause));
        break;
      default:
        this.#listener?.report(report);
    }
  }

  async #reopenFor(id: number, cause: KeyveilError): Promise<void> {
    // A worker that comes after this one knows nothing of the request, and has ids of its own.
    const { answer } = this.#session;
    let error: KeyveilError | null = null;
    try {
      await this.reopen(cause);
    } catch (thrown) {
      error = asKeyveilError(thrown, cause.code);
    }
    answer({ type: "reopened", id, error: error?.toWire() ?? null });
  }
}
