/** A private title's init segment comes in the clear: it may hold nothing that plays. */

const INIT_BYTES_MAX = 1 << 20;
const BOX_HEADER_BYTES = 8;
/** What may stand beside each other in it. Media would be in `mdat`, and be found by `moof`. */
const BOXES: ReadonlySet<string> = new Set(["ftyp", "moov", "free", "skip", "sidx"]);

/** Known boxes that fill the file to its end. Lengths of 64 bits, and the one that means "to the end", are for media. */
export function isInitSegment(data: unknown): boolean {
  if (!(data instanceof ArrayBuffer) || data.byteLength > INIT_BYTES_MAX) return false;
  const view = new DataView(data);
  let start = 0;
  while (start < data.byteLength) {
    if (data.byteLength - start < BOX_HEADER_BYTES) return false;
    const length = view.getUint32(start);
    const name = String.fromCharCode(...new Uint8Array(data, start + 4, 4));
    if (length < BOX_HEADER_BYTES || length > data.byteLength - start || !BOXES.has(name)) return false;
    start += length;
  }
  return true;
}
