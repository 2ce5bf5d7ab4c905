/** Bytes as text. `Uint8Array.prototype.toHex` is not in all browsers that the player is for. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
