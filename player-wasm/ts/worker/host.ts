/** The worker's side of the message bridge. */
import { asKeyveilError, KeyveilError } from "../errors.js";
import type { FromWorker, InitMessage, LoadMessage, ToWorker } from "../messages.js";
import { SegmentLoader } from "./segment-loader.js";
import { Session } from "./session.js";
import { startWasm, type Wasm } from "./wasm.js";

export type Post = (message: FromWorker, transfer?: Transferable[]) => void;
export type StartWasm = (message: InitMessage) => Promise<Wasm>;

interface Unit {
  readonly session: Session;
  readonly loader: SegmentLoader;
}

export class WorkerHost {
  readonly #post: Post;
  readonly #startWasm: StartWasm;
  readonly #loads = new Map<number, AbortController>();
  #unit: Promise<Unit> | null = null;

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
        this.#answer(message.id, async ({ session }) => {
          const playback = await session.play(message.psign, message.fileId, message.positionMs ?? 0);
          this.#post({ type: "played", id: message.id, playback });
        });
        break;
      case "renew":
        this.#answer(message.id, async ({ session }) => {
          const { session: info, playlistUrl } = await session.renew(message.psign, message.positionMs);
          this.#post({ type: "renewed", id: message.id, renewal: { session: info, playlistUrl } });
        });
        break;
      case "load":
        this.#load(message);
        break;
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
      renewed: (renewal) => this.#post({ type: "session", renewal }),
    });
    return { session, loader: new SegmentLoader(wasm, session, credentials) };
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

function startWasmOf({ wasmUrl, credentials }: InitMessage): Promise<Wasm> {
  return startWasm(wasmUrl ?? new URL("./keyveil.wasm", import.meta.url).href, credentials);
}
