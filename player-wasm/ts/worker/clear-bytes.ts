/**
 * The clear segment while it grows: one buffer, which is handed over as it is. Nothing can shorten a buffer without copying it, so its length
 * is guessed from the first bytes; a wrong guess costs that copy and nothing else.
 */
import { KeyveilError } from "../errors.js";

/** Padding is one block at most. */
const PADDING_BYTES_MAX = 16;
/** More than segments have: what a server says of a body's length is no reason to take all memory there is. */
const FIRST_BYTES_MAX = 64 << 20;
const TS_PACKET_BYTES = 188;
const TS_SYNC = 0x47;
const BOX_HEADER_BYTES = 8;

export class ClearBytes {
  /** 0 where nobody says how long the segment is. */
  readonly #lengthMax: number;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** `lengthMax`: no clear segment of that ciphertext is longer; 0 for unknown. */
  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) this.#grow(needed, piece);
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** The whole of it; nothing is kept. */
  take(): ArrayBuffer {
    const { buffer } = this.#bytes;
    const whole = this.#length === buffer.byteLength ? buffer : buffer.slice(0, this.#length);
    this.drop();
    return whole;
  }

  drop(): void {
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
  }

  #grow(needed: number, piece: Uint8Array): void {
    const isFirst = this.#length === 0;
    const known = isFirst ? likelyLength(piece, this.#lengthMax) : this.#lengthMax;
    const length = Math.max(
      needed,
      known >= needed ? Math.min(known, Math.max(FIRST_BYTES_MAX, needed * 2)) : needed * 2,
    );
    try {
      const larger = new Uint8Array(length);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    } catch (thrown) {
      throw new KeyveilError("segment_damaged", "There is no memory for a segment that long.", { cause: thrown });
    }
  }
}

/**
 * How long a segment is that begins so: an fMP4 says it in its boxes, MPEG-TS is whole packets. `lengthMax` where that is no length it
 * can have, which is one that is less by no more than padding.
 */
export function likelyLength(beginning: Uint8Array, lengthMax: number): number {
  const length =
    beginning[0] === TS_SYNC ? lengthMax - (lengthMax % TS_PACKET_BYTES) : endOfBoxes(beginning, lengthMax);
  return length <= lengthMax && length > lengthMax - PADDING_BYTES_MAX ? length : lengthMax;
}

/** Where the last box ends whose header is in `beginning` (ISO 14496-12, 4.2): of one fragment, that is where its media ends. */
function endOfBoxes(beginning: Uint8Array, lengthMax: number): number {
  const view = new DataView(beginning.buffer, beginning.byteOffset, beginning.length);
  let at = 0;
  while (at <= lengthMax && at + BOX_HEADER_BYTES <= view.byteLength) {
    const size = view.getUint32(at);
    // 0 and 1 stand for other ways to say it, which segments have no need of.
    if (size < BOX_HEADER_BYTES) return 0;
    at += size;
  }
  return at;
}
