/** Brings the bytes of one segment from the network to its decryption, as they come. */
import { KeyveilError } from "../errors.js";
import type { AwaitedKeys } from "./awaited-keys.js";
import { connectionError } from "./http.js";
import type { NetworkClock } from "./network-clock.js";
import type { SegmentDecryption } from "./segment-decryption.js";

/** docs/PROTOCOL.md, "Segment cipher". */
export const CIPHERTEXT_BYTES_MAX = 512 << 20;
/** What waits for keys at most; then the network waits, too. */
const WAITING_BYTES_MAX = 4 << 20;
/** What is decrypted at a stretch, some two milliseconds: others in this worker want their turn. */
const STRETCH_BYTES = 1 << 20;
const PROGRESS_INTERVAL_MS = 100;

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = Awaited<ReturnType<Reader["read"]>>;

/** What a stream works with, all of it its own. */
export interface StreamParts {
  readonly reader: Reader;
  readonly decryption: SegmentDecryption;
  readonly keys: AwaitedKeys;
  readonly clock: NetworkClock;
  readonly signal: AbortSignal;
  /** What the server says the body has; 0 where it does not. */
  readonly totalBytes: number;
  readonly onProgress: (loadedBytes: number, complete: boolean) => void;
}

export class SegmentStream {
  readonly #parts: StreamParts;
  #reading: Promise<Read> | null = null;
  #loadedBytes = 0;
  #hasEnded = false;
  #reportedMs = 0;
  #stretchBytes = 0;

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /** Resolves to the length of the ciphertext once all of it is decrypted. */
  async run(): Promise<number> {
    const { decryption } = this.#parts;
    for (;;) {
      await this.#decrypt();
      if (decryption.isDone) return this.#loadedBytes;
      const read = await this.#next();
      if (read) this.#take(read);
    }
  }

  /** All that can be decrypted now. */
  async #decrypt(): Promise<void> {
    const { decryption, keys, signal } = this.#parts;
    while (decryption.isReady && keys.areHere) {
      if (this.#stretchBytes >= STRETCH_BYTES) {
        this.#stretchBytes = 0;
        await otherTasks();
        if (signal.aborted) throw new KeyveilError("aborted");
        continue;
      }
      this.#stretchBytes += decryption.step();
    }
  }

  /** What came from the network; nothing where it was keys. */
  async #next(): Promise<Read | undefined> {
    const { decryption, keys, clock, reader } = this.#parts;
    // They may have come since it was looked for them last.
    if (decryption.isReady && keys.areHere) return undefined;
    const waits: Promise<Read | undefined>[] = [keys.stopped];
    if (!this.#hasEnded && decryption.waitingBytes <= WAITING_BYTES_MAX) this.#reading ??= reader.read();
    if (this.#reading) {
      waits.push(this.#reading);
      clock.waits();
    }
    if (!keys.areHere) waits.push(keys.come().then(() => undefined));
    const read = await Promise.race(waits).catch((thrown) => {
      throw connectionError(thrown, this.#parts.signal);
    });
    if (read) clock.came();
    else if (this.#reading) clock.interrupted();
    return read;
  }

  #take({ done, value }: Read): void {
    const { decryption, totalBytes, onProgress } = this.#parts;
    this.#reading = null;
    if (done) {
      this.#end();
      return;
    }
    this.#loadedBytes += value.length;
    if (this.#loadedBytes > CIPHERTEXT_BYTES_MAX) throw tooLong();
    decryption.add(value);
    // That nothing follows the last byte is told some milliseconds after it. Of a body in a content encoding the server says another
    // length, which is never reached: ciphertext does not compress.
    if (totalBytes > 0 && this.#loadedBytes === totalBytes) {
      this.#end();
      return;
    }
    if (performance.now() - this.#reportedMs < PROGRESS_INTERVAL_MS) return;
    this.#reportedMs = performance.now();
    onProgress(this.#loadedBytes, false);
  }

  #end(): void {
    const { decryption, onProgress } = this.#parts;
    this.#hasEnded = true;
    decryption.end();
    onProgress(this.#loadedBytes, true);
  }
}

export function tooLong(): KeyveilError {
  return new KeyveilError("segment_damaged", "A media segment is longer than any may be.");
}

/** Lets the worker's other tasks run. Timers would wait longer than these take. */
function otherTasks(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
