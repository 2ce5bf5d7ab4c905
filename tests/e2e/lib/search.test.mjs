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

test("finds nothing where there is nothing", () => {
  assert.ok(!found(randomBytes(1 << 20)));
  assert.ok(!found(Buffer.from("{}")));
});
