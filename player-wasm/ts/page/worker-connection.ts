/** The page's side of the message bridge: one worker, typed requests, and what happens when it dies. */
import type { EngineCommand, EngineReport } from "../engine-messages.js";
import { KeyveilError } from "../errors.js";
import type {
  ExchangeKind,
  FromWorker,
  InitMessage,
  LoadMessage,
  LoadProgress,
  PlayMessage,
  SegmentTiming,
  ToWorker,
} from "../messages.js";
import type { Playback, Renewal } from "../protocol.js";
import { mark } from "./marks.js";
import { WorkerPolicy } from "./worker-policy.js";

/** What is used of a `Worker`; tests put their own in its place. */
export interface WorkerLike {
  postMessage(message: unknown): void;
  addEventListener(type: "message" | "error" | "messageerror", listener: (event: Event) => void): void;
  terminate(): void;
}

export interface ConnectionEvents {
  exchange(kind: ExchangeKind, ms: number, period: number): void;
  renewed(renewal: Renewal): void;
  /** The worker waits as the server told it, and asks again. */
  paced(error: KeyveilError): void;
  /** Of a sealed worker. */
  engine(report: EngineReport): void;
  /** The worker can't be used any more, for a reason that is not ours. */
  lost(error: KeyveilError): void;
}

export type PlayRequest = Omit<PlayMessage, "type" | "id">;

export interface LoadedSegment {
  readonly bytes: ArrayBuffer;
  readonly status: number;
  readonly loadedBytes: number;
  readonly timing: SegmentTiming;
}

export type SegmentLoadRequest = Omit<LoadMessage, "type" | "id">;
export type OnLoadProgress = (progress: LoadProgress) => void;

interface Pending {
  resolve(value: never): void;
  reject(error: KeyveilError): void;
  readonly onProgress?: OnLoadProgress | undefined;
}

export class WorkerConnection {
  /** Settles when the worker has started its decryptor. */
  readonly ready: Promise<void>;
  /** Listens before there is a worker. */
  readonly #policy = new WorkerPolicy();
  readonly #worker: WorkerLike;
  /** Who hears what no request waits for. A worker that was started in advance gets its listener later. */
  events: ConnectionEvents = {
    exchange: () => undefined,
    renewed: () => undefined,
    paced: () => undefined,
    engine: () => undefined,
    lost: () => undefined,
  };
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #failure: KeyveilError | null = null;
  #settleReady: { resolve(): void; reject(error: KeyveilError): void } | null = null;

  constructor(spawn: () => WorkerLike, init: InitMessage, initTimeoutMs: number) {
    try {
      this.#worker = spawn();
    } catch (thrown) {
      this.#policy.stop();
      throw thrown;
    }
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(new KeyveilError("wasm_unavailable", `The worker did not start within ${initTimeoutMs} ms.`)),
        initTimeoutMs,
      );
      const settle = () => {
        clearTimeout(timer);
        this.#policy.stop();
        this.#settleReady = null;
      };
      this.#settleReady = {
        resolve: () => {
          mark("worker");
          settle();
          resolve();
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
    });
    // Whoever awaits it is told; a worker nobody asked yet may fail in silence.
    this.ready.catch(() => undefined);
    this.#worker.addEventListener("message", (event) => this.#receive((event as MessageEvent<FromWorker>).data));
    this.#worker.addEventListener("error", (event) => void this.#crashed(event as ErrorEvent));
    this.#worker.addEventListener("messageerror", () => this.#fail(new KeyveilError("worker_crashed")));
    this.#worker.postMessage(init);
  }

  /** Why this worker can't be used any more, if so. */
  get failure(): KeyveilError | null {
    return this.#failure;
  }

  async play(request: PlayRequest): Promise<Playback> {
    await this.ready;
    return this.#ask<Playback>((id) => ({ type: "play", id, ...request })).done;
  }

  /** To the engine of a sealed worker. */
  send(command: EngineCommand): void {
    if (!this.#failure) this.#worker.postMessage(command);
  }

  async renew(psign: string, positionMs: number): Promise<Renewal> {
    await this.ready;
    return this.#ask<Renewal>((id) => ({ type: "renew", id, psign, positionMs })).done;
  }

  /** Loads a segment; the bytes belong to the caller. */
  load(request: SegmentLoadRequest, signal: AbortSignal, onProgress: OnLoadProgress): Promise<LoadedSegment> {
    if (signal.aborted) return Promise.reject(new KeyveilError("aborted"));
    const { id, done } = this.#ask<LoadedSegment>((id) => ({ type: "load", id, ...request }), onProgress);
    const abort = () => {
      const pending = this.#take(id);
      if (!pending) return;
      this.#worker.postMessage({ type: "abort", id });
      pending.reject(new KeyveilError("aborted"));
    };
    signal.addEventListener("abort", abort, { once: true });
    return done.finally(() => signal.removeEventListener("abort", abort));
  }

  /** Ends the worker and with it all key material. */
  destroy(): void {
    this.#fail(new KeyveilError("destroyed"));
  }

  #ask<T>(message: (id: number) => ToWorker, onProgress?: OnLoadProgress) {
    const id = this.#nextId++;
    const done = new Promise<T>((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#pending.set(id, { resolve: resolve as (value: never) => void, reject, onProgress });
      this.#worker.postMessage(message(id));
    });
    return { id, done };
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #receive(message: FromWorker): void {
    if (this.#failure) return;
    switch (message.type) {
      case "ready":
        this.#settleReady?.resolve();
        break;
      case "unusable":
        this.#fail(KeyveilError.fromWire(message.error));
        break;
      case "exchange":
        this.events.exchange(message.kind, message.ms, message.period);
        break;
      case "session":
        this.events.renewed(message.renewal);
        break;
      case "paced":
        this.events.paced(KeyveilError.fromWire(message.error));
        break;
      case "progress":
        this.#pending.get(message.id)?.onProgress?.(message.progress);
        break;
      case "failed":
        this.#take(message.id)?.reject(KeyveilError.fromWire(message.error));
        break;
      case "played":
      case "renewed":
      case "segment":
        this.#take(message.id)?.resolve(outcome(message) as never);
        break;
      default:
        this.events.engine(message);
    }
  }

  #fail(error: KeyveilError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#worker.terminate();
    this.#settleReady?.reject(error);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
    if (error.code !== "destroyed") this.events.lost(error);
  }

  async #crashed({ message }: ErrorEvent): Promise<void> {
    const cause = message ? { cause: message } : {};
    if (!this.#settleReady) {
      this.#fail(new KeyveilError("worker_crashed", undefined, cause));
      return;
    }
    const isBlocked = await this.#policy.stopsWorker();
    const unloaded = "The worker could not be loaded; check workerUrl and the Content-Security-Policy.";
    this.#fail(isBlocked ? new KeyveilError("worker_blocked") : new KeyveilError("worker_crashed", unloaded, cause));
  }
}

type Outcome = Extract<FromWorker, { type: "played" | "renewed" | "segment" }>;

function outcome(message: Outcome): Playback | Renewal | LoadedSegment {
  if (message.type === "played") return message.playback;
  if (message.type === "renewed") return message.renewal;
  const { bytes, status, loadedBytes, timing } = message;
  return { bytes, status, loadedBytes, timing };
}
