// The segments of a published private title, decrypted by Node's own cryptography.
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { decryptSegment, openSegment } from "../../vectors/independent.mjs";

/**
 * Each segment of the title in `folder`, in the order of its playlists: { path, rendition, segment, ciphertext, clear }, paths
 * relative to the folder. `keys` is what `reveal` says. Throws where a playlist and the publication disagree, and at a segment
 * that does not decrypt.
 */
export function* publishedSegments(folder, keys) {
  for (const rendition of keys.title.renditions) {
    const playlist = readFileSync(join(folder, rendition.playlist), "utf8");
    const names = playlist.split("\n").filter((line) => line && !line.startsWith("#"));
    if (names.length !== rendition.segmentCount || names.length === 0)
      throw new Error(`${rendition.playlist} lists ${names.length} segments, published were ${rendition.segmentCount}`);
    for (const [segment, name] of names.entries()) {
      const path = posix.join(rendition.playlist, "..", name);
      const entry = keys.segmentKeys.find((k) => k.rendition === rendition.rendition && k.segment === segment);
      const ciphertext = readFileSync(join(folder, path));
      const clear = decrypted(path, keys.title.cipher, Buffer.from(entry.key + entry.iv, "hex"), ciphertext);
      yield { path, rendition, segment, ciphertext, clear };
    }
  }
}

function decrypted(path, cipher, key, ciphertext) {
  try {
    return cipher === "chacha20-poly1305" ? openSegment(key, ciphertext) : decryptSegment(key, ciphertext);
  } catch (error) {
    throw new Error(`${path} does not decrypt: ${error.message}`);
  }
}
