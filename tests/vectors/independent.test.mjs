// The vectors in this folder against the independent implementation, and that implementation against published answers.
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathOf, vectors } from "./generate.mjs";
import * as own from "./independent.mjs";
import * as readers from "./independent-readers.mjs";

const { hex } = own;
const read = (name) => JSON.parse(readFileSync(pathOf(name), "utf8"));

for (const [name, computed] of Object.entries(vectors)) {
  test(`${name}.json is what the independent implementation computes`, () => {
    assert.deepEqual(read(name), JSON.parse(JSON.stringify(computed)));
  });
}

test("segment ciphertexts decrypt to their clear text, and damaged ones do not", () => {
  const { segmentKey, valid, malformed } = read("segment-cipher");
  for (const { clear, ciphertext } of valid) {
    assert.equal(own.decryptSegment(hex(segmentKey), hex(ciphertext)).toString("hex"), clear);
  }
  for (const { name, ciphertext } of malformed) {
    assert.throws(() => own.decryptSegment(hex(segmentKey), hex(ciphertext)), undefined, name);
  }
});

test("segments in chunks open to their clear text, and damaged ones do not", () => {
  const { segmentKey, valid, long, malformed } = read("segment-cipher").chunked;
  const key = hex(segmentKey);
  for (const { clear, ciphertext } of valid) {
    assert.equal(own.openSegment(key, hex(ciphertext)).toString("hex"), clear);
  }
  for (const { name, ciphertext } of malformed) {
    assert.throws(() => own.openSegment(key, hex(ciphertext)), undefined, name);
  }
  for (const { length, sealedLength } of long) {
    const clear = Buffer.alloc(length, 5);
    const sealed = own.sealSegment(key, clear);
    assert.equal(sealed.length, sealedLength);
    assert.ok(own.openSegment(key, sealed).equals(clear));
    const end = length > own.CHUNK ? own.CHUNK + 16 : sealedLength - 1;
    assert.throws(() => own.openSegment(key, sealed.subarray(0, end)), undefined, `${length}, cut`);
  }
});

test("ChaCha20-Poly1305 in chunks begins as RFC 8439, 2.4, would with that nonce", () => {
  // Independent of how nonces are written here: number 1, the last one, in 11 bytes and one.
  const [key, clear] = [Buffer.alloc(32, 7), Buffer.from("clear")];
  const cipher = createCipheriv("chacha20-poly1305", key, hex("000000000000000000000101"), { authTagLength: 16 });
  const expected = Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
  assert.ok(own.sealChunk(key, 1, true, clear).equals(expected));
});

test("envelopes open to their plaintext, and malformed ones do not", () => {
  const v = read("envelope");
  const arguments_ = (envelope, label) => ({
    label: `keyveil/v1/grant/${label}`,
    body: Buffer.from(v.body),
    recipient: own.x25519(hex(v.recipientSeed)),
    senderPublic: hex(v.serverPublicKey),
    psk: hex(v.psk),
    pskId: v.pskId,
    envelope,
  });
  for (const { label, plaintext, envelope } of v.valid) {
    assert.equal(own.open(arguments_(envelope, label)).toString("hex"), plaintext, label);
  }
  // What fails inside HPKE; grants of a wrong layout and foreign server keys are refused after or before it.
  const outside = /grant|version|class|announced|pinned|second spelling/;
  for (const { name, envelope } of v.malformed.filter((entry) => !outside.test(entry.name))) {
    assert.throws(() => own.open(arguments_(envelope, "play")), undefined, name);
  }
});

test("public keys of small order are refused", () => {
  for (const point of read("envelope").smallOrderPublicKeys) {
    const arguments_ = { label: "keyveil/v1/grant/play", body: "", psk: "p", pskId: "i", plaintext: Buffer.alloc(1) };
    const [ephemeral, sender] = [own.x25519(Buffer.alloc(32, 1)), own.x25519(Buffer.alloc(32, 2))];
    const recipientPublic = Buffer.from(point, "base64url");
    assert.throws(() => own.seal({ ...arguments_, recipientPublic, ephemeral, sender }), undefined, point);
  }
});

test("url tokens have one spelling", () => {
  const { urlKey, expiresAt, fileId, token, malformed, altered } = read("mac").urlToken;
  assert.equal(own.expiryOf(hex(urlKey), fileId, token), expiresAt);
  for (const other of [...malformed, ...altered]) {
    assert.equal(own.expiryOf(hex(urlKey), fileId, other), undefined, other);
  }
});

test("what makes no sense as a statement of level is none", () => {
  const { requests, malformed } = read("levels");
  for (const { name, body } of malformed.filter((entry) => !entry.name.includes("twice"))) {
    assert.equal(own.statedLevel(JSON.parse(body)), undefined, name);
  }
  for (const { body, level } of requests) assert.equal(own.statedLevel(JSON.parse(body)).level, level);
});

test("AES-128-CBC agrees with NIST SP 800-38A, F.2.1", () => {
  const key = hex("2b7e151628aed2a6abf7158809cf4f3c000102030405060708090a0b0c0d0e0f");
  const clear = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  const ciphertext = own.encryptSegment(key, clear).toString("hex");
  assert.ok(ciphertext.startsWith("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"));
});

// What JSON.parse can't tell: which of two names it kept, and how a number was spelled.
const UNSEEN = /given twice|with an exponent|a float/;
for (const [name, { original, malformations, ...context }] of Object.entries(read("malformations"))) {
  test(`malformations.json, ${name}: the original is accepted, each malformation refused with its code`, () => {
    const reader = new Map(Object.entries(readers)).get(name);
    assert.equal(reader(context, original), null, "the original");
    const seen = malformations.filter((entry) => !UNSEEN.test(entry.name));
    assert.ok(seen.length > malformations.length * 0.8);
    for (const { name, what, input, code } of seen) assert.equal(reader(context, input), code, `${name} (${what})`);
  });
}
