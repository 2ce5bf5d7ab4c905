/** The worker's side of the message bridge. */

import type { EngineCommand } from "../engine-messages.js";
import { asKeyveilError, KeyveilError } from "../errors.js";
import type { FromWorker, InitMessage, LoadMessage, PlayMessage, RenewMessage, ToWorker } from "../messages.js";
import type { SdkLevel } from "../protocol.js";
import { SealedEngine } from "./engine/engine.js";
import { WorkerTitle } from "./engine/worker-title.js";
import { fetchAhead } from "./fetch-ahead.js";
import { wasmSource } from "./pin.js";
import { SegmentLoader } from "./segment-loader.js";
import { Session } from "./session.js";
import { startWasm, type Wasm } from "./wasm.js";

export type Post = (message: FromWorker, transfer?: Transferable[]) => void;
export type StartWasm = (message: InitMessage) => Promise<Wasm>;

/** `failed` answers with it what no request's id came with. */
const NO_REQUEST = 0;

interface Unit {
  readonly session: Session;
  readonly loader: SegmentLoader;
  readonly credentials: RequestCredentials;
}

/** What a sealed worker has on top. */
interface Sealed {
  readonly title: WorkerTitle;
  readonly engine: SealedEngine;
}

export class WorkerHost {
  readonly #post: Post;
  readonly #startWasm: StartWasm;
  readonly #loads = new Map<number, AbortController>();
  #unit: Promise<Unit> | null = null;
  /** Fixed by the first `play`, for good: a sealed worker can't be made to hand out what it decrypts. */
  #level: SdkLevel | null = null;
  #hasPlayed = false;
  /** From the first session on. */
  #sealed: Sealed | null = null;

  constructor(post: Post, startWasmModule: StartWasm = startWasmOf) {
    this.#post = post;
    this.#startWasm = startWasmModule;
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case "init":
        this.#init(message);
        break;
      case "abort":
        this.#loads.get(message.id)?.abort();
        break;
      case "play":
        this.#play(message);
        break;
      case "renew":
        this.#renew(message);
        break;
      case "load":
        if (this.#level === "guarded") this.#load(message);
        else this.#refuse(message.id, "This worker hands out no media.");
        break;
      default:
        this.#command(message);
    }
  }

  #init(message: InitMessage): void {
    if (this.#unit) return;
    this.#unit = this.#start(message);
    this.#unit.then(
      () => this.#post({ type: "ready" }),
      (thrown) => this.#post({ type: "unusable", error: asKeyveilError(thrown, "wasm_unavailable").toWire() }),
    );
  }

  async #start(message: InitMessage): Promise<Unit> {
    const { server, credentials } = message;
    const wasm = await this.#startWasm(message);
    const session = new Session(wasm.session, server, credentials, {
      exchange: (kind, ms, period) => this.#post({ type: "exchange", kind, ms, period }),
      renewed: (renewal) => {
        this.#sealed?.title.renewed(renewal);
        this.#post({ type: "session", renewal });
      },
      paced: (error) => this.#post({ type: "paced", error: error.toWire() }),
    });
    return { session, loader: new SegmentLoader(wasm, session, credentials), credentials };
  }

  #play({ id, psign, fileId, positionMs = 0, level, downgrade, trace }: PlayMessage): void {
    if ((level !== "sealed" && level !== "guarded") || (this.#level !== null && this.#level !== level)) {
      this.#refuse(id, "A worker is at one level, sealed or guarded, for its life.");
      return;
    }
    this.#level = level;
    this.#answer(id, async ({ session, loader, credentials }) => {
      const playback = await session.play({ psign, fileId, positionMs, level, downgrade, trace });
      if (!this.#hasPlayed) fetchAhead(playback, credentials);
      this.#hasPlayed = true;
      if (level === "sealed") {
        this.#sealed ??= this.#seal(loader);
        this.#sealed.title.played(playback);
      }
      this.#post({ type: "played", id, playback });
    });
  }

  #renew({ id, psign, positionMs }: RenewMessage): void {
    this.#answer(id, async ({ session }) => {
      const { session: info, playlistUrl, maxTrack } = await session.renew(psign, positionMs);
      const renewal = { session: info, playlistUrl, maxTrack };
      this.#sealed?.title.renewed(renewal);
      this.#post({ type: "renewed", id, renewal });
    });
  }

  #seal(loader: SegmentLoader): Sealed {
    const title = new WorkerTitle(loader, this.#post, (error) =>
      this.#post({ type: "unusable", error: error.toWire() }),
    );
    return { title, engine: new SealedEngine(title, this.#post) };
  }

  #command(command: EngineCommand): void {
    if (this.#sealed) this.#sealed.engine.obey(command);
    else this.#refuse(NO_REQUEST, "There is no sealed session in this worker.");
  }

  #refuse(id: number, message: string): void {
    this.#post({ type: "failed", id, error: new KeyveilError("malformed_request", message).toWire() });
  }

  #load(message: LoadMessage): void {
    const { id } = message;
    const abort = new AbortController();
    this.#loads.set(id, abort);
    this.#answer(id, async ({ loader }) => {
      const { bytes, status, loadedBytes, timing } = await loader.load(message, abort.signal, (progress) =>
        this.#post({ type: "progress", id, progress }),
      );
      this.#post({ type: "segment", id, bytes, status, loadedBytes, timing }, [bytes]);
    }).finally(() => this.#loads.delete(id));
  }

  async #answer(id: number, task: (unit: Unit) => Promise<void>): Promise<void> {
    try {
      if (!this.#unit) throw new KeyveilError("worker_crashed", "The worker was not started.");
      await task(await this.#unit);
    } catch (thrown) {
      const error = asKeyveilError(thrown, "worker_crashed", "The worker failed.");
      this.#post({ type: "failed", id, error: error.toWire() });
      // A trap leaves the module's memory in an unknown state: this worker must not be asked again.
      if (error.code === "worker_crashed") this.#post({ type: "unusable", error: error.toWire() });
    }
  }
}

async function startWasmOf(message: InitMessage): Promise<Wasm> {
  return startWasm(wasmSource(message, import.meta.url), message.credentials);
}
