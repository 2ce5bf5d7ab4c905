/** The entry: one `Keyveil` per page and server, from which titles are opened. */
import { asKeyveilError, KeyveilError } from "../errors.js";
import { KEYVEIL_EVENTS, KeyveilEventTarget } from "../events.js";
import type { InitMessage } from "../messages.js";
import type { SdkLevel } from "../protocol.js";
import { traceOf } from "../traceparent.js";
import type { AttachOptions } from "./attach-options.js";
import { prepareEngine } from "./engines.js";
import { chooseLevel, type LevelChoice, OWN_HLS } from "./level.js";
import { KeyveilPlayer } from "./player.js";
import type { GetSignature } from "./signature.js";
import { KeyveilTitle, type TitleOptions } from "./title.js";
import { trustedWorkerUrl } from "./trusted-types.js";
import { WorkerConnection, type WorkerLike } from "./worker-connection.js";

const INIT_TIMEOUT_MS = 15_000;

export interface KeyveilOptions {
  /** Address of the key server, for example `https://keys.example.com`. */
  readonly server: string;
  /** Gets a player signature from your own server; called again before the session ends. */
  readonly getSignature: GetSignature;
  /** Same-origin address of `worker.js`; default: beside this module. */
  readonly workerUrl?: string | URL | undefined;
  /** Address of the key server's own wasm; default: beside the worker. */
  readonly wasmUrl?: string | URL | undefined;
  /** SHA-256 of that file in hex, for a worker that is not of a key server: one that is takes its own wasm alone. */
  readonly wasmSha256?: string | undefined;
  /** Makes the worker, where neither a bundler nor `workerUrl` can. */
  readonly createWorker?: (() => WorkerLike) | undefined;
  /** `credentials` of every request the worker makes; default `same-origin`. */
  readonly fetchCredentials?: RequestCredentials | undefined;
  /** `guarded` keeps hls.js on the page; default: the highest level that the browser can. */
  readonly level?: SdkLevel | undefined;
  /** How long the worker may take to start. */
  readonly initTimeoutMs?: number | undefined;
}

export interface OpenOptions {
  /** Which title; default: the one the signature names. */
  readonly fileId?: string | undefined;
  /** Where playback will start, in seconds. */
  readonly position?: number | undefined;
  /** A W3C `traceparent` whose trace the key server goes on with, or `true` for a trace of its own; default: none. */
  readonly traceparent?: string | boolean | undefined;
}

export function createKeyveil(options: KeyveilOptions): Keyveil {
  return new Keyveil(options);
}

export class Keyveil extends KeyveilEventTarget {
  readonly #options: KeyveilOptions;
  readonly #titles = new Set<KeyveilTitle>();
  readonly #players = new Set<KeyveilPlayer>();
  #warm: WorkerConnection | null = null;
  #destroyed = false;

  /** Use `createKeyveil`. */
  constructor(options: KeyveilOptions) {
    super();
    if (!options?.server) throw new TypeError("createKeyveil needs `server`, the address of the key server");
    if (typeof options.getSignature !== "function")
      throw new TypeError("createKeyveil needs `getSignature`, a function");
    this.#options = options;
  }

  /** Starts the worker ahead of the first title, so that opening it only waits for the exchange. It fits every level. */
  async preload(): Promise<void> {
    this.#assertAlive();
    this.#warm ??= this.#connect();
    const { level } = chooseLevel({ level: this.#options.level });
    // Where no engine can run, the first title says so.
    const engine = prepareEngine(level).catch(() => undefined);
    await this.#warm.ready;
    await engine;
  }

  /** Opens a title for an application that brings its own hls.js. */
  async open(options: OpenOptions = {}): Promise<KeyveilTitle> {
    this.#assertAlive();
    // Whoever opens a title has hls.js: it is not loaded for anybody else.
    const { hlsSettings } = await import("../hls/settings.js");
    const title = this.#title(options, OWN_HLS, { hlsSettings });
    // A player passes its title's events on by itself.
    this.forward(title, KEYVEIL_EVENTS);
    try {
      await title.start();
      return title;
    } catch (thrown) {
      const error = asKeyveilError(thrown, "worker_crashed");
      title.report(error);
      this.#close(title);
      throw error;
    }
  }

  /** Plays a title on a video element. Returns at once; failures come as `error` events and through `player.ready`. */
  attach(video: HTMLVideoElement, options: AttachOptions = {}): KeyveilPlayer {
    this.#assertAlive();
    const level = options.level ?? this.#options.level;
    const player = new KeyveilPlayer(
      video,
      { ...options, level },
      {
        open: (choice) => this.#title(options, choice),
        closed: (title) => {
          if (title) this.#close(title);
          this.#players.delete(player);
        },
      },
    );
    this.#players.add(player);
    this.forward(player);
    // Not before the caller had a chance to listen.
    queueMicrotask(() => void player.start());
    return player;
  }

  /** Ends every title and player, and their workers with all key material. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    for (const player of [...this.#players]) player.destroy();
    for (const title of [...this.#titles]) this.#close(title);
    this.#warm?.destroy();
    this.#warm = null;
  }

  #title(
    { fileId, position = 0, traceparent }: OpenOptions,
    choice: LevelChoice,
    { hlsSettings }: Pick<TitleOptions, "hlsSettings"> = {},
  ): KeyveilTitle {
    this.#assertAlive();
    const trace = traceOf(traceparent);
    const warm = this.#warm?.failure ? null : this.#warm;
    this.#warm = null;
    const init = this.#init();
    const title = new KeyveilTitle(
      {
        spawn: () => this.#spawn(),
        init,
        initTimeoutMs: this.#options.initTimeoutMs ?? INIT_TIMEOUT_MS,
        getSignature: this.#options.getSignature,
        fileId,
        positionMs: Math.max(0, position) * 1000,
        choice,
        trace,
        hlsSettings,
      },
      warm ?? undefined,
    );
    this.#titles.add(title);
    return title;
  }

  #close(title: KeyveilTitle): void {
    this.#titles.delete(title);
    title.destroy();
  }

  #connect(): WorkerConnection {
    return new WorkerConnection(() => this.#spawn(), this.#init(), this.#options.initTimeoutMs ?? INIT_TIMEOUT_MS);
  }

  #init(): InitMessage {
    const { server, wasmUrl, wasmSha256, fetchCredentials } = this.#options;
    return {
      type: "init",
      server: absolute(server),
      wasmUrl: wasmUrl === undefined ? undefined : absolute(wasmUrl),
      wasmSha256,
      credentials: fetchCredentials ?? "same-origin",
    };
  }

  /** There is no other way to decrypt: a page without workers gets no media, and no ciphertext either. */
  #spawn(): WorkerLike {
    const { createWorker, workerUrl } = this.#options;
    try {
      if (createWorker) return createWorker();
      if (typeof Worker === "undefined") throw new KeyveilError("unsupported_browser", "This browser has no workers.");
      if (workerUrl !== undefined)
        return new Worker(trustedWorkerUrl(absolute(workerUrl)), { type: "module", name: "keyveil" });
      // Bundlers know a worker by these words alone: nothing may stand between them, and Trusted Types stop it.
      return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    } catch (thrown) {
      const message = "The worker can't be started; check workerUrl and the Content-Security-Policy.";
      throw asKeyveilError(thrown, stopsText(thrown) ? "worker_blocked" : "unsupported_browser", message);
    }
  }

  #assertAlive(): void {
    if (this.#destroyed) throw new KeyveilError("destroyed");
  }
}

/** Trusted Types refuse what is no `TrustedScriptURL` by a TypeError; what else is wrong with an address is none. */
function stopsText(thrown: unknown): boolean {
  return thrown instanceof TypeError && "trustedTypes" in globalThis;
}

/** A worker resolves addresses against its own, so it must get absolute ones. */
function absolute(url: string | URL): string {
  return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
}
