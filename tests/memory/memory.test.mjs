// The decryptor's whole memory, after each call and within: no key of the title's, of the exchange or of the build's stands there, nor what
// it could be made of. Natively it would say nothing: the compiler for WebAssembly puts other values onto the stack.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inverseMixed, roundKeys } from "./lib/aes-schedule.mjs";
import { startDecryptor } from "./lib/decryptor.mjs";
import * as server from "./lib/forged-server.mjs";
import { searchFor, titleSecrets } from "./lib/secrets.mjs";

/** Segments with their periods; the last one's key comes by itself, as at the end of a preview. */
const PLACES = [
  [0, 0],
  [2, 1],
  [4, 2],
  [8, 4],
];
const clear = (segment) => Buffer.alloc(3000, `clear media of segment ${segment}; `);

const SECRETS = titleSecrets(PLACES);
const ROOM_BYTES = 64 << 10;

let decryptor;
before(async () => {
  decryptor = await startDecryptor(SECRETS);
});

test("the key schedules looked for are those of FIPS 197", () => {
  const last = (key) => roundKeys(Buffer.from(key, "hex"))[9].toString("hex");
  assert.equal(last("2b7e151628aed2a6abf7158809cf4f3c"), "d014f9a8c9ee2589e13f0cc8b6630ca6", "appendix A.1");
  const ninth = roundKeys(Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"))[8];
  assert.equal(inverseMixed(ninth).toString("hex"), "13aa29be9c8faff6f770f58000f7bf03", "appendix C.1");
});

test("a search finds each secret that stands in the memory", () => {
  const search = searchFor(SECRETS);
  const forms = {
    raw: (key) => key,
    "raw reversed": (key) => Buffer.from(key).reverse(),
    "raw 32-bit swapped": (key) => Buffer.from(key).swap32(),
  };
  for (const [form, written] of Object.entries(forms)) {
    const places = SECRETS.flatMap(({ key }) => [Buffer.alloc(7), written(key)]);
    const bytes = Buffer.concat(places);
    bytes.copy(Buffer.from(decryptor.memory.buffer, decryptor.session.room(), ROOM_BYTES));
    const found = search(decryptor.memory);
    for (const { name } of SECRETS) assert.ok(found.includes(`${name}, ${form}`), `${name}, ${form}`);
    decryptor.session.wipe();
  }
  assert.deepEqual(search(decryptor.memory), []);
});

test("no secret is in the memory before, during and after playback", () => {
  const play = ["playRequest", "a.b.c", server.FILE_ID, 0, "sealed", undefined];
  decryptor.exchange(play, "acceptPlay", (body) => server.play(body, [[8, 4]]));
  const sessionId = [{ name: "session id", key: server.SESSION_ID }];
  assert.ok(
    searchFor(sessionId)(decryptor.memory).includes("session id, raw"),
    "what came in the same grant and is no secret",
  );

  const decrypted = (segment, period, cipher) =>
    assert.deepEqual(decryptor.decrypt(segment, period, clear(segment), cipher), clear(segment), `segment ${segment}`);
  decrypted(0, 0);
  decrypted(2, 1);
  decrypted(0, 0, server.CHUNKED);
  decrypted(2, 1, server.CHUNKED);
  decryptor.exchange(["keysRequest", 2, 12_000, undefined], "acceptKeys", server.keys);
  decrypted(4, 2);
  decrypted(8, 4);
  // In several pieces, between which nothing but what everybody may know waits.
  const long = Buffer.alloc(200_000, "clear media of several pieces; ");
  assert.ok(decryptor.decrypt(4, 2, long).equals(long));
  assert.ok(decryptor.decrypt(4, 2, long, server.CHUNKED).equals(long));
  const media = PLACES.map(([segment]) => ({ name: `segment ${segment}`, key: clear(segment).subarray(0, 32) }));
  assert.deepEqual(searchFor(media)(decryptor.memory), [], "clear media");
  decryptor.close();
  assert.deepEqual(decryptor.hits, []);
});

test("what is refused leaves nothing behind either", () => {
  decryptor = decryptor.another();
  const play = ["playRequest", "a.b.c", server.FILE_ID, 0, "sealed", undefined];
  decryptor.exchange(play, "acceptPlay", server.play);
  const refused = decryptor.call("openSegment", server.reference(4, 2));
  assert.throws(() => decryptor.piece(refused, Buffer.alloc(64), true), /^key_not_granted$/);
  refused.free();
  const cut = (body) => {
    const answer = JSON.parse(server.keys(body));
    answer.grant.ciphertext = answer.grant.ciphertext.slice(4);
    return JSON.stringify(answer);
  };
  assert.throws(() => decryptor.exchange(["keysRequest", 2, 0, undefined], "acceptKeys", cut), /^envelope_rejected$/);
  decryptor.look("after refusals");
  decryptor.exchange(["keysRequest", 2, 0, undefined], "acceptKeys", server.keys);
  const damaged = decryptor.call("openSegment", server.reference(4, 2));
  assert.throws(() => decryptor.piece(damaged, Buffer.alloc(63), true), /^segment_damaged$/);
  damaged.free();
  decryptor.look("after damage");
  assert.deepEqual(decryptor.hits, []);
});

test("the memory is as large after many segments as after the first", () => {
  decryptor = decryptor.another();
  decryptor.exchange(["playRequest", "a.b.c", server.FILE_ID, 0, "sealed", undefined], "acceptPlay", server.play);
  decryptor.unwatched();
  const { session, memory } = decryptor;
  const segments = [1, 64 << 10, 1 << 20, 12 << 20].flatMap((length) => {
    const clear = Buffer.alloc(length, "media");
    return [undefined, server.CHUNKED].map((cipher) => ({
      clear,
      reference: server.reference(2, 1, cipher),
      ciphertext: server.encrypted(2, 1, clear, cipher),
    }));
  });
  const decrypt = ({ clear, reference, ciphertext }) => {
    const stream = session.openSegment(reference);
    const { pieceLen } = stream;
    let clearAt = 0;
    for (let at = 0; at < ciphertext.length; at += pieceLen) {
      const piece = ciphertext.subarray(at, at + pieceLen);
      const room = session.room();
      piece.copy(Buffer.from(memory.buffer, room, pieceLen));
      const length = session.decryptPiece(stream, piece.length, at + pieceLen >= ciphertext.length);
      const found = Buffer.from(memory.buffer, room, length);
      assert.ok(found.equals(clear.subarray(clearAt, clearAt + length)), `${clear.length} bytes, at ${at}`);
      clearAt += length;
      session.wipe();
    }
    assert.equal(clearAt, clear.length);
    stream.free();
  };
  decrypt(segments[0]);
  const { byteLength } = memory.buffer;
  for (let segment = 0; segment < 200; segment++)
    decrypt(segments[segment % 20 === 19 ? 6 + (segment & 1) : segment % 6]);
  // Given up in their middle.
  for (let segment = 0; segment < 1000; segment++) session.openSegment(server.reference(2, 1)).free();
  assert.equal(memory.buffer.byteLength, byteLength);
  memory.grow(1);
  assert.notEqual(memory.buffer.byteLength, byteLength, "the control: growth is seen");
});
