/** Decrypts one segment as it comes. Its bytes go in as they arrive; out comes the whole clear segment at its end, or nothing. */
import { Arrived } from "./arrived.js";
import { ClearBytes } from "./clear-bytes.js";
import { guarded, type Wasm, type WasmSegment } from "./wasm.js";

export class SegmentDecryption {
  readonly #wasm: Wasm;
  readonly #arrived = new Arrived();
  readonly #segment: WasmSegment;
  readonly #pieceBytes: number;
  readonly #clear: ClearBytes;
  #room = new Uint8Array(0);
  #ended = false;
  #done = false;
  #spentMs = 0;

  /** `ciphertextBytes` is 0 where nobody says how many there will be. Whoever makes one has to `close` it. */
  constructor(wasm: Wasm, reference: string, ciphertextBytes: number) {
    this.#wasm = wasm;
    this.#segment = guarded(() => wasm.session.openSegment(`keyveil=${reference}`));
    this.#pieceBytes = guarded(() => this.#segment.pieceLen);
    this.#clear = new ClearBytes(ciphertextBytes && guarded(() => this.#segment.clearLenMax(ciphertextBytes)));
  }

  /** What came and was not decrypted. */
  get waitingBytes(): number {
    return this.#arrived.length;
  }

  /** The time that decrypting took, altogether. */
  get spentMs(): number {
    return this.#spentMs;
  }

  get isDone(): boolean {
    return this.#done;
  }

  add(bytes: Uint8Array): void {
    this.#arrived.add(bytes);
  }

  /** All of it has come. */
  end(): void {
    this.#ended = true;
  }

  /** Whether `step` has something to do. Which piece is the last is known at the end, so a piece waits for a byte behind it. */
  get isReady(): boolean {
    return !this.#done && (this.#ended || this.#arrived.length > this.#pieceBytes);
  }

  /** Decrypts one piece, without a pause: nobody else can use the one room in between. Returns how many bytes these were. */
  step(): number {
    const { session } = this.#wasm;
    const startMs = performance.now();
    const isLast = this.#ended && this.#arrived.length <= this.#pieceBytes;
    try {
      const length = this.#arrived.moveTo(this.#roomNow());
      const clearLength = guarded(() => session.decryptPiece(this.#segment, length, isLast));
      this.#clear.append(this.#roomNow().subarray(0, clearLength));
      this.#done = isLast;
      return length;
    } finally {
      guarded(() => session.wipe());
      this.#spentMs += performance.now() - startMs;
    }
  }

  /** The module's memory may have grown, which detaches every earlier view of it. */
  #roomNow(): Uint8Array {
    const { session, memory } = this.#wasm;
    if (this.#room.buffer !== memory.buffer)
      this.#room = new Uint8Array(
        memory.buffer,
        guarded(() => session.room()),
        this.#pieceBytes,
      );
    return this.#room;
  }

  /** The clear segment, which belongs to the caller. */
  take(): ArrayBuffer {
    return this.#clear.take();
  }

  /** Frees what it has, at once. */
  close(): void {
    this.#arrived.drop();
    this.#clear.drop();
    guarded(() => this.#segment.free());
  }
}
