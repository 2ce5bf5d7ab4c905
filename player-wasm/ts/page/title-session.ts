/** A title's session in its worker: made, prolonged in time, and replaced by a new one where it is lost. */
import type { EngineCommand } from "../engine-messages.js";
import { asKeyveilError, KeyveilError } from "../errors.js";
import { MediaUrls } from "../hls/media-urls.js";
import type { InitMessage } from "../messages.js";
import { limitedTo, type Playback, type Renewal } from "../protocol.js";
import type { LevelChoice } from "./level.js";
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

export interface SessionOptions {
  readonly spawn: () => WorkerLike;
  readonly init: InitMessage;
  readonly initTimeoutMs: number;
  readonly getSignature: GetSignature;
  readonly fileId?: string | undefined;
  readonly positionMs: number;
  readonly choice: LevelChoice;
  readonly trace?: string | undefined;
}

export interface SessionHooks extends Omit<ConnectionEvents, "renewed" | "paced"> {
  /** Where playback is, for the server's pacing; undefined where nobody follows it. */
  positionMs(): number | undefined;
  opened(playback: Playback): void;
  /** What is left of the title after a renewal. */
  limited(playback: Playback): void;
  signed(reason: SignatureReason, expiresAt: number): void;
  /** Playback goes on for now. */
  troubled(error: KeyveilError): void;
}

export class TitleSession {
  readonly #options: SessionOptions;
  readonly #hooks: SessionHooks;
  readonly #refresh: SignatureRefresh;
  readonly #connectionEvents: ConnectionEvents;
  #connection: WorkerConnection;
  #playback: Playback | null = null;
  #psign = "";
  #urls: MediaUrls | null = null;
  #reopening: Promise<void> | null = null;
  #reopenedMs = Number.NEGATIVE_INFINITY;
  #destroyed = false;

  /** `connection` is one that was started in advance. */
  constructor(options: SessionOptions, hooks: SessionHooks, connection?: WorkerConnection) {
    this.#options = options;
    this.#hooks = hooks;
    this.#connectionEvents = {
      exchange: (kind, ms, period) => hooks.exchange(kind, ms, period),
      renewed: (renewal) => this.#accept(renewal),
      paced: (error) => hooks.troubled(error),
      engine: (report) => hooks.engine(report),
      lost: (error) => hooks.lost(error),
    };
    if (connection) connection.events = this.#connectionEvents;
    this.#connection = connection ?? this.#connect();
    this.#refresh = new SignatureRefresh({
      renew: () => this.#renew(),
      failed: (thrown) => hooks.troubled(asKeyveilError(thrown, "signature_unavailable").withFatal(false)),
    });
  }

  /** All that `/v1/play` told in the open; null before. */
  get playback(): Playback | null {
    return this.#playback;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** The same media address under the tokens that are valid now. */
  currentUrl(url: string): string {
    return this.#urls?.current(url) ?? url;
  }

  async open(reason: SignatureReason): Promise<void> {
    const { getSignature, positionMs, choice, trace } = this.#options;
    const fileId = this.#playback?.title.fileId ?? this.#options.fileId;
    const psign = await requestSignature(getSignature, fileId, reason);
    const at = this.#hooks.positionMs() ?? positionMs;
    const playback = await this.#connection.play({ psign, fileId, positionMs: at, trace, ...choice });
    if (this.#destroyed) throw new KeyveilError("destroyed");
    this.#psign = psign;
    this.#playback = playback;
    // The same object: what was loaded before carries tokens of the sessions before.
    this.#urls ??= new MediaUrls(playback.playlistUrl);
    this.#urls.update(playback.playlistUrl);
    this.#refresh.plan(playback.session);
    this.#hooks.opened(playback);
    this.#hooks.signed(reason, playback.session.expiresAt);
  }

  /** A new session with a fresh signature; concurrent callers share one. Fatal when it comes too often. */
  reopen(cause: KeyveilError): Promise<void> {
    if (this.#destroyed) return Promise.reject(new KeyveilError("destroyed"));
    this.#reopening ??= this.#reopen(cause).finally(() => {
      this.#reopening = null;
    });
    return this.#reopening;
  }

  load(request: SegmentLoadRequest, signal: AbortSignal, onProgress: OnLoadProgress): Promise<LoadedSegment> {
    return this.#connection.load(request, signal, onProgress);
  }

  send(command: EngineCommand): void {
    this.#connection.send(command);
  }

  /** `send` to the worker of this moment: nothing arrives once it was replaced. */
  get answer(): (command: EngineCommand) => void {
    const connection = this.#connection;
    return (command) => connection.send(command);
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#refresh.stop();
    this.#connection.destroy();
  }

  #connect(): WorkerConnection {
    const { spawn, init, initTimeoutMs } = this.#options;
    const connection = new WorkerConnection(spawn, init, initTimeoutMs);
    connection.events = this.#connectionEvents;
    return connection;
  }

  async #renew(): Promise<Renewal> {
    const psign = await requestSignature(this.#options.getSignature, this.#playback?.title.fileId, "refresh");
    if (psign === this.#psign) {
      throw new KeyveilError(
        "signature_unavailable",
        "getSignature gave the signature in use; it must give a newer one.",
      );
    }
    const renewal = await this.#connection.renew(psign, this.#hooks.positionMs() ?? this.#options.positionMs);
    this.#psign = psign;
    this.#accept(renewal);
    this.#hooks.signed("refresh", renewal.session.expiresAt);
    return renewal;
  }

  #accept({ session, playlistUrl, maxTrack }: Renewal): void {
    this.#urls?.update(playlistUrl);
    this.#refresh.plan(session);
    if (!this.#playback) return;
    this.#playback = limitedTo(this.#playback, maxTrack);
    this.#hooks.limited(this.#playback);
  }

  async #reopen(cause: KeyveilError): Promise<void> {
    if (performance.now() - this.#reopenedMs < REOPEN_SPAN_MS) throw cause.withFatal(true);
    this.#reopenedMs = performance.now();
    this.#hooks.troubled(cause.withFatal(false));
    const hadFailed = this.#connection.failure !== null;
    if (hadFailed) this.#connection = this.#connect();
    try {
      await this.open("refresh");
    } catch (thrown) {
      // The worker died on the way. Who misses it waits for this same session, and gets it in another worker.
      if (hadFailed || !this.#connection.failure || this.#destroyed) throw thrown;
      this.#connection = this.#connect();
      await this.open("refresh");
    }
  }
}
