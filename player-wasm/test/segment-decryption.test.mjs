// The worker's half and the real module together. `npm test` has built both, and the command that writes an SDK build into the module.
import { beforeAll, expect, test } from "vitest";
import { startDecryptor } from "../../tests/memory/lib/decryptor.mjs";
import * as server from "../../tests/memory/lib/forged-server.mjs";
import * as own from "../../tests/vectors/independent.mjs";
import { SegmentDecryption } from "../ts/worker/segment-decryption.ts";

const CIPHERS = { "aes-128-cbc": own.encryptSegment, "chacha20-poly1305": own.sealSegment };
const LENGTHS = [0, 1, 15, 16, 65_535, 65_536, 65_537, 131_072, 300_000];
const [SEGMENT, PERIOD, RENDITION] = [2, 1, 2];

let wasm;
beforeAll(async () => {
  wasm = await startDecryptor([]);
  const play = ["playRequest", "a.b.c", server.FILE_ID, 0, "sealed", undefined];
  wasm.exchange(play, "acceptPlay", server.play);
  wasm.unwatched();
});

/** Of bytes that no padding has: no end but the true one looks like one. */
const media = (length) => Buffer.from(Uint8Array.from({ length }, (_, at) => 20 + ((at * 31) % 199)));

function encrypted(cipher, clear) {
  const key = own.segmentKey(server.periodKey("HD", PERIOD), RENDITION, SEGMENT, cipher);
  return CIPHERS[cipher](key, clear);
}

/** Begun and given `parts`, each of which is decrypted as far as it can be before the next one comes. */
function decrypted(cipher, parts, expected) {
  const reference = server.reference(SEGMENT, PERIOD).replace("keyveil=", "");
  const suffix = cipher === "aes-128-cbc" ? "" : `/${cipher}`;
  const decryption = new SegmentDecryption(wasm, reference + suffix, expected);
  try {
    for (const part of parts) {
      decryption.add(part);
      while (decryption.isReady) decryption.step();
    }
    decryption.end();
    while (!decryption.isDone) decryption.step();
    return Buffer.from(decryption.take());
  } finally {
    decryption.close();
  }
}

/** Cut at places that look like chance and are the same in every run. */
function cut(bytes, seed) {
  const parts = [];
  let state = seed * 7919 + 1;
  for (let at = 0; at < bytes.length; ) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    const length = 1 + ((state >> 8) % [13_000, 70_000, 200_000][seed % 3]);
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}

for (const cipher of Object.keys(CIPHERS)) {
  test(`${cipher}: a segment is the same in whatever parts it comes`, () => {
    for (const length of LENGTHS) {
      const clear = media(length);
      const ciphertext = encrypted(cipher, clear);
      for (let seed = 0; seed < 12; seed += 1) {
        const found = decrypted(cipher, cut(ciphertext, seed), seed % 2 ? ciphertext.length : 0);
        expect(found.equals(clear), `${length} bytes, cut ${seed}`).toBe(true);
      }
    }
  });

  test(`${cipher}: one that was cut off is refused, wherever that was`, () => {
    const ciphertext = encrypted(cipher, media(200_000));
    for (const length of [0, 1, 16, 65_536, 65_552, 131_072, 131_104, ciphertext.length - 16, ciphertext.length - 1]) {
      const refused = () => decrypted(cipher, cut(ciphertext.subarray(0, length), 1), ciphertext.length);
      expect(refused, `${length} bytes`).toThrow(expect.objectContaining({ code: "segment_damaged" }));
    }
  });
}

test("an authenticated one that was altered or reordered anywhere is refused", () => {
  const cipher = "chacha20-poly1305";
  const ciphertext = encrypted(cipher, media(200_000));
  const sealedChunk = 65_552;
  const altered = [0, 65_540, 100_000, ciphertext.length - 1].map((at) => {
    const bytes = Buffer.from(ciphertext);
    bytes[at] ^= 1;
    return bytes;
  });
  const chunk = (number) => ciphertext.subarray(number * sealedChunk, (number + 1) * sealedChunk);
  const reordered = Buffer.concat([chunk(1), chunk(0), chunk(2), chunk(3)]);
  const shortened = Buffer.concat([chunk(0), chunk(1)]);
  for (const bytes of [...altered, reordered, shortened]) {
    const refused = () => decrypted(cipher, cut(bytes, 2), bytes.length);
    expect(refused).toThrow(expect.objectContaining({ code: "segment_damaged" }));
  }
  expect(decrypted(cipher, cut(ciphertext, 2), ciphertext.length).length, "the control").toBe(200_000);
});
