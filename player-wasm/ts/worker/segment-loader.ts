/**
 * Loads a segment and decrypts it. Knows URLs, bytes and the session, and nothing of who asks: the message bridge does at the
 * guarded level, the hls.js inside this worker at the sealed one.
 */
import { KeyveilError } from "../errors.js";
import type { LoadProgress, SegmentTiming } from "../messages.js";
import { parseSegmentRef } from "../protocol.js";
import { connectionError, getMedia } from "./http.js";
import type { Session } from "./session.js";
import { Slots } from "./slots.js";
import { guarded, type Wasm } from "./wasm.js";

const LOADS_RUNNING_MAX = 6;
const LOADS_WAITING_MAX = 32;
/** docs/PROTOCOL.md, "Segment cipher". */
const CIPHERTEXT_BYTES_MAX = 512 << 20;
const PROGRESS_INTERVAL_MS = 100;

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

interface Ciphertext {
  readonly chunks: Uint8Array[];
  readonly length: number;
  readonly status: number;
  readonly ttfbMs: number;
  readonly fetchMs: number;
}

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
    const waiter = { signal: both.signal, held };
    try {
      const [ciphertext] = await Promise.all([
        this.#fetch(request, both.signal, onProgress),
        this.#session.ensurePeriod(segment.period, request.positionMs, waiter),
      ]);
      // Keys may have been dropped again while the bytes arrived: only those around the period asked for last are kept, and
      // another rendition's load may lie far away (subtitles are one file, in period 0).
      while (!signal.aborted && !this.#session.holdsPeriod(segment.period)) {
        await this.#session.ensurePeriod(segment.period, request.positionMs, waiter);
      }
      if (signal.aborted) throw new KeyveilError("aborted");
      const startMs = performance.now();
      const bytes = this.#decrypt(ciphertext, request.reference);
      const { status, length, ttfbMs, fetchMs } = ciphertext;
      this.#session.prefetchAfter(segment.period, request.positionMs);
      return {
        bytes,
        status,
        loadedBytes: length,
        timing: { ttfbMs, fetchMs, decryptMs: performance.now() - startMs },
      };
    } catch (thrown) {
      // Whichever of the two failed, the other must not go on alone. The exchange is shared and runs to its end.
      both.abort();
      throw signal.aborted ? new KeyveilError("aborted", undefined, { cause: thrown }) : thrown;
    } finally {
      signal.removeEventListener("abort", abort);
      giveBack();
    }
  }

  async #fetch(request: SegmentRequest, signal: AbortSignal, onProgress: OnProgress): Promise<Ciphertext> {
    const startMs = performance.now();
    const { rangeStart = 0, rangeEnd } = request;
    const headers: Record<string, string> = rangeEnd ? { Range: `bytes=${rangeStart}-${rangeEnd - 1}` } : {};
    const response = await getMedia(request.url, this.#credentials, headers, signal);
    const ttfbMs = performance.now() - startMs;
    const totalBytes = Number(response.headers.get("Content-Length") ?? 0) || 0;
    try {
      const { chunks, length } = await readBody(response, (loadedBytes) =>
        onProgress({ loadedBytes, totalBytes, complete: false }),
      );
      onProgress({ loadedBytes: length, totalBytes, complete: true });
      return { chunks, length, status: response.status, ttfbMs, fetchMs: performance.now() - startMs };
    } catch (thrown) {
      throw connectionError(thrown, signal);
    }
  }

  /** Runs to its end without a pause: nobody else can use the one buffer in between. */
  #decrypt(ciphertext: Ciphertext, reference: string): ArrayBuffer {
    const { session, memory } = this.#wasm;
    const address = guarded(() => session.reserve(ciphertext.length));
    try {
      // `reserve` may have grown the memory, which detaches every earlier view of it.
      const room = new Uint8Array(memory.buffer, address, ciphertext.length);
      let at = 0;
      for (const chunk of ciphertext.chunks) {
        room.set(chunk, at);
        at += chunk.length;
      }
      const clearLength = guarded(() => session.decrypt(`keyveil=${reference}`));
      return memory.buffer.slice(address, address + clearLength) as ArrayBuffer;
    } finally {
      guarded(() => session.wipe());
    }
  }
}

async function readBody(response: Response, onProgress: (loadedBytes: number) => void) {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  if (!reader) throw new KeyveilError("network", "The answer has no body.");
  let reportedMs = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { chunks, length };
    length += value.length;
    if (length > CIPHERTEXT_BYTES_MAX) {
      await reader.cancel();
      throw new KeyveilError("segment_damaged", "A media segment is longer than any may be.");
    }
    chunks.push(value);
    if (performance.now() - reportedMs >= PROGRESS_INTERVAL_MS) {
      reportedMs = performance.now();
      onProgress(length);
    }
  }
}
