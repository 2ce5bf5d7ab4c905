/**
 * Loads a segment and decrypts it as it comes. Knows URLs, bytes and the session, and nothing of who asks: the message bridge does at the
 * guarded level, the hls.js inside this worker at the sealed one.
 */
import { KeyveilError } from "../errors.js";
import type { LoadProgress, SegmentTiming } from "../messages.js";
import { parseSegmentRef } from "../protocol.js";
import { AwaitedKeys } from "./awaited-keys.js";
import { getMedia } from "./http.js";
import { NetworkClock } from "./network-clock.js";
import { SegmentDecryption } from "./segment-decryption.js";
import { CIPHERTEXT_BYTES_MAX, SegmentStream, tooLong } from "./segment-stream.js";
import type { Session } from "./session.js";
import { Slots } from "./slots.js";
import type { Wasm } from "./wasm.js";

const LOADS_RUNNING_MAX = 6;
const LOADS_WAITING_MAX = 32;

export interface SegmentRequest {
  readonly url: string;
  readonly reference: string;
  readonly rangeStart?: number | undefined;
  /** Exclusive. */
  readonly rangeEnd?: number | undefined;
  readonly positionMs: number;
}

export interface ClearSegment {
  /** Belongs to the caller; no copy stays. */
  readonly bytes: ArrayBuffer;
  readonly status: number;
  readonly loadedBytes: number;
  readonly timing: SegmentTiming;
}

export type OnProgress = (progress: LoadProgress) => void;

export class SegmentLoader {
  readonly #wasm: Wasm;
  readonly #session: Session;
  readonly #credentials: RequestCredentials;
  readonly #slots = new Slots(LOADS_RUNNING_MAX, LOADS_WAITING_MAX);

  constructor(wasm: Wasm, session: Session, credentials: RequestCredentials) {
    this.#wasm = wasm;
    this.#session = session;
    this.#credentials = credentials;
  }

  async load(request: SegmentRequest, signal: AbortSignal, onProgress: OnProgress): Promise<ClearSegment> {
    const segment = parseSegmentRef(request.reference);
    if (!segment) throw new KeyveilError("key_tag_malformed");
    if (signal.aborted) throw new KeyveilError("aborted");
    const giveBack = await this.#slots.take(signal);
    const both = new AbortController();
    const abort = () => both.abort();
    signal.addEventListener("abort", abort, { once: true });
    const held = (heldMs: number) => onProgress({ loadedBytes: 0, totalBytes: 0, complete: false, heldMs });
    const keys = new AwaitedKeys(this.#session, segment.period, request.positionMs, both.signal, held);
    try {
      void keys.come();
      const clear = await this.#stream(request, keys, both.signal, onProgress);
      this.#session.prefetchAfter(segment.period, request.positionMs);
      return clear;
    } catch (thrown) {
      // Whichever failed, network or keys, the other must not go on alone. The exchange is shared and runs to its end.
      both.abort();
      throw signal.aborted ? new KeyveilError("aborted", undefined, { cause: thrown }) : thrown;
    } finally {
      signal.removeEventListener("abort", abort);
      giveBack();
    }
  }

  async #stream(
    request: SegmentRequest,
    keys: AwaitedKeys,
    signal: AbortSignal,
    onProgress: OnProgress,
  ): Promise<ClearSegment> {
    const clock = new NetworkClock();
    const response = await Promise.race([this.#ask(request, signal), keys.stopped]);
    clock.came();
    const { status, body, headers } = response;
    const ttfbMs = clock.elapsedMs;
    if (!body) throw new KeyveilError("network", "The answer has no body.");
    const reader = body.getReader();
    const totalBytes = Number(headers.get("Content-Length") ?? 0) || 0;
    const progress = (loadedBytes: number, complete: boolean) => onProgress({ loadedBytes, totalBytes, complete });
    let decryption: SegmentDecryption | null = null;
    try {
      if (totalBytes > CIPHERTEXT_BYTES_MAX) throw tooLong();
      decryption = new SegmentDecryption(this.#wasm, request.reference, totalBytes);
      const stream = new SegmentStream({ reader, decryption, keys, clock, signal, totalBytes, onProgress: progress });
      const loadedBytes = await stream.run();
      void leave(reader);
      const timing = { ttfbMs, fetchMs: clock.elapsedMs, decryptMs: decryption.spentMs };
      return { bytes: decryption.take(), status, loadedBytes, timing };
    } catch (thrown) {
      reader.cancel().catch(() => undefined);
      throw thrown;
    } finally {
      decryption?.close();
    }
  }

  #ask({ url, rangeStart = 0, rangeEnd }: SegmentRequest, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = rangeEnd ? { Range: `bytes=${rangeStart}-${rangeEnd - 1}` } : {};
    return getMedia(url, this.#credentials, headers, signal);
  }
}

/** All of a body has come but its end. Cancelled before that, it would cost the connection, and its place in the browser's cache. */
async function leave(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    if (!(await reader.read()).done) await reader.cancel();
  } catch {
    // Whatever happens to the rest: there is none.
  }
}
