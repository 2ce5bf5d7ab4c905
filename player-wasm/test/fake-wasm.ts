import type { Wasm, WasmSegment } from "../ts/worker/wasm.js";

const ROOM = 1024;

interface FakeSegment extends WasmSegment {
  readonly fragment: string;
}

/** The module as the worker sees it: "decrypts" by dropping the last byte of all, and holds the periods it was granted. */
export class FakeWasm implements Wasm {
  readonly memory = new WebAssembly.Memory({ initial: 1 });
  readonly session = this;
  readonly held = new Set<number>();
  readonly decrypted: string[] = [];
  /** As the module does: a grant far from the keys at hand takes their place. */
  dropsOldKeys = false;
  pieceLen = 64;
  /** Lengths of the pieces it was given. */
  readonly pieces: number[] = [];
  /** Segments that were begun and not freed. */
  open = 0;
  /** Called within each piece, with its number. */
  onPiece: (number: number) => void = () => undefined;
  wiped = 0;
  counter = 0;
  #asked = 0;

  playRequest(
    psign: string,
    _fileId: string | undefined,
    _positionMs: number,
    level: string,
    downgrade: string | undefined,
  ): string {
    this.#asked = 0;
    return JSON.stringify({ psign, level, downgrade });
  }

  acceptPlay(): void {
    this.#grant();
  }

  keysRequest(period: number, positionMs: number, psign: string | undefined): string[] {
    this.#asked = period;
    this.counter += 1;
    return [JSON.stringify({ period, positionMs, psign, counter: this.counter }), `mac-${this.counter}`];
  }

  acceptKeys(response: string): void {
    if (response.includes("forged")) throw "envelope_rejected";
    this.#grant();
  }

  holdsPeriod(period: number): boolean {
    return this.held.has(period);
  }

  trackClasses(): string[] {
    return ["AUDIO", "SD"];
  }

  openSegment(fragment: string): FakeSegment {
    this.open += 1;
    const free = () => {
      this.open -= 1;
    };
    return { fragment, pieceLen: this.pieceLen, clearLenMax: (length) => Math.max(0, length - 1), free };
  }

  room(): number {
    return ROOM;
  }

  decryptPiece({ fragment }: FakeSegment, length: number, isLast: boolean): number {
    if (isLast && length === 13) throw new Error("unreachable");
    if (!isLast && length !== this.pieceLen) throw "segment_damaged";
    if (isLast && (length === 0 || fragment.endsWith("/66"))) throw "segment_damaged";
    if (!this.held.has(Number(fragment.split("/")[2]))) throw "key_not_granted";
    this.pieces.push(length);
    this.onPiece(this.pieces.length);
    if (!isLast) return length;
    this.decrypted.push(fragment);
    return length - 1;
  }

  wipe(): void {
    this.wiped += 1;
    new Uint8Array(this.memory.buffer).fill(0);
  }

  #grant(): void {
    if (this.dropsOldKeys) this.held.clear();
    this.held.add(this.#asked).add(this.#asked + 1);
  }
}
