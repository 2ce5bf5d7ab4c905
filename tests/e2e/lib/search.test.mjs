// The search itself: a key is found in each form that it claims to find, and not where there is none.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { findSecrets } from "./search.mjs";

const key = Buffer.from("00112233445566778899aabbccddeeff", "hex");
const secrets = [{ name: "key", hex: key.toString("hex") }];
const found = (body) => findSecrets(secrets, [{ name: "body", body }]).length > 0;
const reversed = Buffer.from(key).reverse();

test("finds a key raw, in hex, in base64 at every alignment, and each of them reversed", () => {
  for (const bytes of [key, reversed]) {
    assert.ok(found(Buffer.concat([randomBytes(100), bytes, randomBytes(100)])));
    assert.ok(found(Buffer.from(`{"k":"${bytes.toString("hex")}"}`)));
    assert.ok(found(Buffer.from(`{"k":"${bytes.toString("hex").toUpperCase()}"}`)));
    for (let before = 0; before < 6; before++) {
      const longer = Buffer.concat([randomBytes(before), bytes, randomBytes(7)]);
      assert.ok(found(Buffer.from(longer.toString("base64"))), `base64 after ${before} bytes`);
      assert.ok(found(Buffer.from(longer.toString("base64url"))), `base64url after ${before} bytes`);
    }
  }
});

/** What a machine of the other byte order reads, 32 or 64 bits at a time. */
const swap32 = Buffer.from("3322110077665544bbaa9988ffeeddcc", "hex");
const swap64 = Buffer.from("7766554433221100ffeeddccbbaa9988", "hex");

test("finds a key whose words are swapped, and whose words come in the other order", () => {
  for (const bytes of [swap32, swap64, Buffer.from(swap32).reverse(), Buffer.from(swap64).reverse()]) {
    assert.ok(found(Buffer.concat([randomBytes(99), bytes, randomBytes(3)])), bytes.toString("hex"));
    assert.ok(found(Buffer.from(bytes.toString("hex"))));
    assert.ok(found(Buffer.from(bytes.toString("base64"))));
  }
});

test("finds a key as numbers: bytes, words of either sign and order, and what JSON makes of a typed array", () => {
  for (const bytes of [key, reversed, swap32]) {
    assert.ok(found(Buffer.from(JSON.stringify({ key: [7, ...bytes, 9] }))));
    assert.ok(found(Buffer.from(`Uint8Array(16) [ ${[...bytes].join(", ")} ]`)));
    assert.ok(found(Buffer.from(JSON.stringify(new Uint8Array(bytes)))));
    const view = new DataView(new Uint8Array(bytes).buffer);
    for (const littleEndian of [false, true]) {
      const words = [0, 4, 8, 12].map((at) => view.getUint32(at, littleEndian));
      assert.ok(found(Buffer.from(JSON.stringify(words))), `${words}`);
      assert.ok(found(Buffer.from(JSON.stringify(words.map((word) => word | 0)))), `signed ${words}`);
    }
  }
});

test("names the secret, the form and the place, once for each", () => {
  const twice = Buffer.concat([key, Buffer.alloc(5), key]);
  const bodies = [
    { name: "empty", body: randomBytes(64) },
    { name: "full", body: twice },
  ];
  assert.deepEqual(findSecrets(secrets, bodies), [{ secret: "key", form: "raw", where: "full" }]);
});

test("does not find a key of which a byte is missing at either end", () => {
  for (const part of [key.subarray(0, 15), key.subarray(1)]) {
    assert.ok(!found(Buffer.concat([part, Buffer.from([1])])));
    assert.ok(!found(Buffer.from(JSON.stringify([...part]))));
  }
});

test("finds nothing where there is nothing", () => {
  assert.ok(!found(randomBytes(1 << 20)));
  assert.ok(!found(Buffer.from("{}")));
});
