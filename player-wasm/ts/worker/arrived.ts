/** Bytes that came and wait to be decrypted, in the order they came. The network's own pieces are kept as they are, not put together. */
export class Arrived {
  #pieces: Uint8Array[] = [];
  /** Of the first piece, so many are taken already. */
  #taken = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Moves the oldest bytes into `room`, as many as fit, and returns how many these are. */
  moveTo(room: Uint8Array): number {
    let at = 0;
    for (let [first] = this.#pieces; first && at < room.length; [first] = this.#pieces) {
      const part = first.subarray(this.#taken, this.#taken + room.length - at);
      room.set(part, at);
      at += part.length;
      this.#taken += part.length;
      if (this.#taken < first.length) break;
      this.#pieces.shift();
      this.#taken = 0;
    }
    this.#length -= at;
    return at;
  }

  drop(): void {
    this.#pieces = [];
    this.#taken = this.#length = 0;
  }
}
