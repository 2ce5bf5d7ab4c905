// The search itself: it finds what it claims to find, and nothing where there is nothing.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ClearMedia, clearForm, searchClear } from "./clear-media.mjs";

const source = randomBytes(1 << 20);
const known = new ClearMedia().add(source);

test("127 bytes of the source are found wherever they stand", () => {
  for (const from of [0, 1, 63, 64, 65, 500_001, source.length - 127]) {
    const piece = source.subarray(from, from + 127);
    // The byte before must not happen to be the source's own, or a slice stands one byte earlier.
    const before = Buffer.concat([randomBytes(776), Buffer.of(source[Math.max(from, 1) - 1] ^ 1)]);
    const at = known.find(Buffer.concat([before, piece, randomBytes(5)]));
    assert.ok(at >= 777 && at <= 777 + 63, `from ${from}: ${at}`);
  }
});

test("a clear fragment and TS packets are known by their form", () => {
  const fragment = Buffer.concat([
    randomBytes(4),
    Buffer.from("moof"),
    Buffer.from([0, 0, 0, 16]),
    Buffer.from("mfhd"),
  ]);
  assert.match(clearForm(Buffer.concat([randomBytes(99), fragment, randomBytes(99)])), /fMP4 fragment/);
  const packets = Array.from({ length: 8 }, () => Buffer.concat([Buffer.from([0x47]), randomBytes(187)]));
  assert.match(clearForm(Buffer.concat([randomBytes(3), ...packets])), /TS packets/);
});

test("nothing is found in other bytes", () => {
  assert.equal(known.find(randomBytes(4 << 20)), -1);
  assert.equal(clearForm(randomBytes(4 << 20)), null);
  assert.equal(new ClearMedia().add(Buffer.alloc(4096)).count, 0);
});

test("files of folders, and files that have no folder, are searched", () => {
  const folder = mkdtempSync(join(tmpdir(), "keyveil-test-"));
  try {
    writeFileSync(join(folder, "other"), randomBytes(1000));
    assert.deepEqual(searchClear(known, [folder]), { found: [], searched: 1 });
    writeFileSync(join(folder, "leak"), source.subarray(1000, 2000));
    assert.equal(searchClear(known, [folder]).found.length, 1);
    assert.equal(searchClear(known, [], [{ name: "leak", path: join(folder, "leak") }]).found.length, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
