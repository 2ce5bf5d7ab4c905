// The vectors, computed by the independent implementation. `node tests/vectors/generate.mjs --write` writes them anew:
// inputs are fixed, so a run changes nothing unless the protocol has changed; the Rust crate must agree with every byte.
import { createHash, createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as own from "./independent.mjs";
import { levelVectors } from "./level-cases.mjs";
import { malformationVectors } from "./malformation-cases.mjs";
import { psignVectors } from "./psign-cases.mjs";

const { hex } = own;
const bytes = (first, length) => Buffer.from(Array.from({ length }, (_, i) => (first + i * 7) & 255));
const flip = (text) => {
  const buffer = Buffer.from(text, "base64url");
  buffer[0] ^= 1;
  return buffer.toString("base64url");
};

function keyHierarchy() {
  const places = [
    [1, "AUDIO", 0, 0, 0],
    [1, "SD", 0, 1, 9],
    [1, "HD", 1, 2, 10],
    [200, "UHD", 4294967295, 65535, 4294967295],
  ];
  return places.map(([first, trackClass, period, rendition, segment]) => {
    const titleSecret = bytes(first, 32);
    const periodKey = own.periodKey(titleSecret, trackClass, period);
    const segmentKey = own.segmentKey(periodKey, rendition, segment);
    return {
      titleSecret: titleSecret.toString("hex"),
      trackClass,
      period,
      periodKey: periodKey.toString("hex"),
      rendition,
      segment,
      segmentKey: segmentKey.subarray(0, 16).toString("hex"),
      iv: segmentKey.subarray(16).toString("hex"),
      chachaKey: own.segmentKey(periodKey, rendition, segment, "chacha20-poly1305").toString("hex"),
      standardKey: own.standardKey(periodKey).toString("hex"),
      standardIv: own.standardIv(periodKey, rendition, segment).toString("hex"),
    };
  });
}

function segmentCipher() {
  const key = bytes(3, 32);
  const valid = [0, 1, 15, 16, 17, 31, 32, 33, 188, 1024].map((length) => {
    const clear = bytes(length & 255, length);
    return { clear: clear.toString("hex"), ciphertext: own.encryptSegment(key, clear).toString("hex") };
  });
  const good = hex(valid[5].ciphertext);
  const damagedEnd = Buffer.from(good);
  damagedEnd[damagedEnd.length - 17] ^= 0xff;
  const malformed = [
    ["empty", Buffer.alloc(0)],
    ["one byte", good.subarray(0, 1)],
    ["one byte short", good.subarray(0, good.length - 1)],
    ["one byte long", Buffer.concat([good, Buffer.alloc(1)])],
    ["last block cut off", good.subarray(0, 16)],
    ["padding byte altered", damagedEnd],
  ].map(([name, ciphertext]) => ({ name, ciphertext: ciphertext.toString("hex"), code: "segment_damaged" }));
  return { segmentKey: key.toString("hex"), valid, malformed, chunked: chunkedCipher() };
}

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

// Long ones by their lengths and digests. Every clear segment is `bytes(its length & 255, its length)`.
function chunkedCipher() {
  const key = bytes(9, 32);
  const clear = (length) => bytes(length & 255, length);
  const valid = [0, 1, 15, 16, 17, 63, 64, 65, 188, 1024].map((length) => ({
    clear: clear(length).toString("hex"),
    ciphertext: own.sealSegment(key, clear(length)).toString("hex"),
  }));
  const long = [65535, 65536, 65537, 131071, 131072, 131073, 200000].map((length) => {
    const sealed = own.sealSegment(key, clear(length));
    return { length, sealedLength: sealed.length, sha256: sha256(sealed) };
  });
  const good = hex(valid[4].ciphertext);
  const flipped = (at) => {
    const other = Buffer.from(good);
    other[at] ^= 1;
    return other;
  };
  const malformed = [
    ["empty", Buffer.alloc(0)],
    ["less than a tag", good.subarray(0, 15)],
    ["a tag alone", good.subarray(-16)],
    ["first byte altered", flipped(0)],
    ["first byte of the tag altered", flipped(17)],
    ["last byte of the tag altered", flipped(good.length - 1)],
    ["one byte short", good.subarray(0, good.length - 1)],
    ["one byte long", Buffer.concat([good, Buffer.alloc(1)])],
    ["twice", Buffer.concat([good, good])],
    ["not marked as the last chunk", own.sealChunk(key, 0, false, clear(17))],
    ["counted from 1", own.sealChunk(key, 1, true, clear(17))],
    ["under another key", own.sealSegment(bytes(10, 32), clear(17))],
    ["aes-128-cbc", own.encryptSegment(key, clear(17))],
  ].map(([name, ciphertext]) => ({ name, ciphertext: ciphertext.toString("hex"), code: "segment_damaged" }));
  return { segmentKey: key.toString("hex"), valid, long, malformed };
}

function keyTag() {
  const line = (attributes) => `#EXT-X-KEY:${attributes}`;
  const good = {
    METHOD: "KEYVEIL",
    URI: '"keyveil:film-1/3"',
    CIPHER: '"aes-128-cbc"',
    "TRACK-CLASS": '"HD"',
    RENDITION: "2",
    KEYFORMAT: '"com.keyveil"',
    KEYFORMATVERSIONS: '"1"',
  };
  const write = (changes) =>
    line(
      Object.entries({ ...good, ...changes })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${value}`)
        .join(","),
    );
  const valid = [
    { line: write({}), canonical: true, fileId: "film-1", period: 3, trackClass: "HD", rendition: 2 },
    {
      line: write({ CIPHER: '"chacha20-poly1305"' }),
      canonical: true,
      fileId: "film-1",
      period: 3,
      trackClass: "HD",
      rendition: 2,
      cipher: "chacha20-poly1305",
    },
    {
      line: write({ URI: '"keyveil:A_b-9/0"', "TRACK-CLASS": '"AUDIO"', RENDITION: "65535", "X-NEW": '"a,b=c"' }),
      canonical: false,
      fileId: "A_b-9",
      period: 0,
      trackClass: "AUDIO",
      rendition: 65535,
    },
  ];
  const malformed = [
    ["generic method", write({ METHOD: "AES-128" })],
    ["method missing", write({ METHOD: undefined })],
    ["quoted method", write({ METHOD: '"KEYVEIL"' })],
    ["other key format", write({ KEYFORMAT: '"identity"' })],
    ["later version", write({ KEYFORMATVERSIONS: '"2"' })],
    ["unknown cipher", write({ CIPHER: '"aes-128-ecb"' })],
    ["cipher in capitals", write({ CIPHER: '"CHACHA20-POLY1305"' })],
    ["other scheme", write({ URI: '"https:film-1/3"' })],
    ["no period", write({ URI: '"keyveil:film-1"' })],
    ["period not a number", write({ URI: '"keyveil:film-1/x"' })],
    ["period over 32 bits", write({ URI: '"keyveil:film-1/4294967296"' })],
    ["period with a second spelling", write({ URI: '"keyveil:film-1/03"' })],
    ["signed period", write({ URI: '"keyveil:film-1/+3"' })],
    ["path in file id", write({ URI: '"keyveil:../film/3"' })],
    ["unknown class", write({ "TRACK-CLASS": '"8K"' })],
    ["rendition over 16 bits", write({ RENDITION: "65536" })],
    ["repeated attribute", `${write({})},RENDITION=3`],
    ["repeated unknown attribute", write({ "X-NEW": "1,X-NEW=2" })],
    ["carriage return at the end", `${write({})}\r`],
    ["quote not closed", write({ KEYFORMATVERSIONS: '"1' })],
    ["text after a quote", write({ CIPHER: '"aes-128-cbc"x' })],
    ["lower-case name", write({ rendition: "2" })],
    ["no attributes", line("")],
    ["other tag", write({}).replace("KEY", "SESSION-KEY")],
    ["over 1024 bytes", write({ "X-LONG": `"${"a".repeat(1024)}"` })],
  ].map(([name, text]) => ({ name, line: text, code: "key_tag_malformed" }));
  const fragments = {
    valid: [
      { fragment: "keyveil=film-1/2/3/2/31", fileId: "film-1", trackClass: "HD", period: 3, rendition: 2, segment: 31 },
      {
        fragment: "keyveil=film-1/2/3/2/31/chacha20-poly1305",
        fileId: "film-1",
        trackClass: "HD",
        period: 3,
        rendition: 2,
        segment: 31,
        cipher: "chacha20-poly1305",
      },
    ],
    malformed: [
      "keyveil=film-1/2/3/2",
      "keyveil=film-1/2/3/2/31/0",
      "keyveil=film-1/2/3/2/31/aes-128-cbc",
      "keyveil=film-1/2/3/2/31/chacha20",
      "keyveil=film-1/2/3/2/31/chacha20-poly1305/",
      "keyveil=film-1/4/3/2/31",
      "keyveil=/2/3/2/31",
      "keyveil=film-1/02/3/2/31",
      "keyveil=film-1/2/3/2/+31",
      "keyveil=film-1/2/3/2/4294967296",
      "keyveil=film-1/2/3/65536/31",
      "keyveil=film-1/2//2/31",
      "#keyveil=film-1/2/3/2/31",
      "t=10",
      "",
    ],
  };
  return { valid, malformed, fragments };
}

// Every u-coordinate of order 1, 2, 4 or 8 on Curve25519 and its twist, and their non-canonical forms (RFC 7748, section 6.1).
const smallOrderPublicKeys = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  `${"00".repeat(31)}80`,
].map((bytes) => hex(bytes).toString("base64url"));

function envelopes() {
  const recipientSeed = bytes(11, 32);
  const ephemeralSeed = bytes(23, 32);
  const serverPrivate = bytes(37, 32);
  const sender = own.x25519FromBytes(serverPrivate);
  const recipient = own.x25519(recipientSeed);
  const psk = bytes(51, 32);
  const pskId = "build-1";
  const body = '{"psign":"…","publicKey":"…"}';
  const keys = [
    { trackClass: "AUDIO", period: 0, key: bytes(61, 32).toString("hex") },
    { trackClass: "HD", period: 1, key: bytes(62, 32).toString("hex") },
  ];
  const segmentKeys = [
    { rendition: 0, segment: 20, cipher: "aes-128-cbc", key: bytes(63, 32).toString("hex") },
    { rendition: 65535, segment: 4294967295, cipher: "chacha20-poly1305", key: bytes(64, 32).toString("hex") },
  ];
  const grants = {
    play: {
      sessionId: bytes(71, 16).toString("hex"),
      macKey: bytes(72, 32).toString("hex"),
      expiresAt: 2000000000,
      keys,
      segmentKeys,
    },
    keys: { expiresAt: 2000000000, keys, segmentKeys: [] },
    title: { titleSecret: bytes(81, 32).toString("hex") },
  };
  const plaintexts = {
    play: own.playPlaintext(grants.play),
    keys: own.keysPlaintext(grants.keys),
    title: own.titlePlaintext(hex(grants.title.titleSecret)),
  };
  const sealed = (label, plaintext, changes = {}) => ({
    serverKeyId: "server-1",
    ...own.seal({
      label: `keyveil/v1/grant/${label}`,
      body: Buffer.from(body),
      recipientPublic: recipient.publicBytes,
      ephemeral: own.x25519(ephemeralSeed),
      sender,
      psk,
      pskId,
      plaintext,
      ...changes,
    }),
  });
  const valid = Object.entries(plaintexts).map(([label, plaintext]) => ({
    label,
    plaintext: plaintext.toString("hex"),
    envelope: sealed(label, plaintext),
  }));
  const play = valid[0].envelope;
  const cut = plaintexts.play.subarray(0, plaintexts.play.length - 1);
  // Version, session id, MAC key and expiry take 57 bytes, the count two; then the first entry's class.
  const unknownClass = Buffer.from(plaintexts.play).fill(9, 59, 60);
  const tooManyAnnounced = Buffer.from(plaintexts.play).fill(1, 57, 58);
  // Two period key entries of 37 bytes come between the two counts.
  const tooManySegmentsAnnounced = Buffer.from(plaintexts.play).fill(1, 133, 134);
  const periodKeysOnly = plaintexts.play.subarray(0, 133);
  // Behind that count, the first entry's rendition and segment.
  const unknownCipher = Buffer.from(plaintexts.play).fill(2, 141, 142);
  const malformed = [
    ["ciphertext altered", { ...play, ciphertext: flip(play.ciphertext) }],
    ["ciphertext cut", { ...play, ciphertext: play.ciphertext.slice(0, -4) }],
    ["ciphertext empty", { ...play, ciphertext: "" }],
    ["ciphertext not base64url", { ...play, ciphertext: "!" }],
    ["ciphertext over its limit", { ...play, ciphertext: "A".repeat(27308) }],
    ["enc with a second spelling", { ...play, enc: own.respelled(play.enc) }],
    ["enc altered", { ...play, enc: flip(play.enc) }],
    ["enc cut", { ...play, enc: play.enc.slice(0, -2) }],
    ["enc of small order", { ...play, enc: "A".repeat(43) }],
    ["other label", sealed("keys", plaintexts.play)],
    ["other request", sealed("play", plaintexts.play, { body: Buffer.from(`${body} `) })],
    ["other recipient", sealed("play", plaintexts.play, { recipientPublic: own.x25519(bytes(12, 32)).publicBytes })],
    ["other sender", sealed("play", plaintexts.play, { sender: own.x25519FromBytes(bytes(38, 32)) })],
    ["other psk", sealed("play", plaintexts.play, { psk: bytes(52, 32) })],
    ["other psk id", sealed("play", plaintexts.play, { pskId: "build-2" })],
    ["empty grant", sealed("play", Buffer.alloc(0))],
    ["earlier version", sealed("play", Buffer.concat([Buffer.from([2]), plaintexts.play.subarray(1)]))],
    ["later version", sealed("play", Buffer.concat([Buffer.from([4]), plaintexts.play.subarray(1)]))],
    ["grant cut", sealed("play", cut)],
    ["bytes after the grant", sealed("play", Buffer.concat([plaintexts.play, Buffer.from([0])]))],
    ["unknown class", sealed("play", unknownClass)],
    ["unknown cipher in a grant", sealed("play", unknownCipher)],
    ["more keys announced than come", sealed("play", tooManyAnnounced)],
    ["more segment keys announced than come", sealed("play", tooManySegmentsAnnounced)],
    ["grant without segment keys", sealed("play", periodKeysOnly)],
  ].map(([name, envelope]) => ({ name, envelope, code: "envelope_rejected" }));
  malformed.push({
    name: "server key not pinned",
    envelope: { ...play, serverKeyId: "server-2" },
    code: "server_key_unknown",
  });
  return {
    recipientSeed: recipientSeed.toString("hex"),
    smallOrderPublicKeys,
    recipientPublicKey: recipient.publicBytes.toString("base64url"),
    ephemeralSeed: ephemeralSeed.toString("hex"),
    serverKeyId: "server-1",
    serverPrivateKey: serverPrivate.toString("hex"),
    serverPublicKey: sender.publicBytes.toString("hex"),
    psk: psk.toString("hex"),
    pskId,
    body,
    grants,
    valid,
    malformed,
  };
}

function macs() {
  const macKey = bytes(91, 32);
  const apiSecret = bytes(101, 32);
  const urlKey = bytes(111, 32);
  const body = '{"sessionId":"…","counter":1}';
  const mac = own.keysMac(macKey, Buffer.from(body));
  const unlabelled = createHmac("sha256", macKey).update(body).digest("base64url");
  const token = own.urlToken(urlKey, 2000000000, "film-1");
  const later = own.urlToken(urlKey, 2000000010, "film-1");
  const [expiry, urlMac] = [token.slice(0, 8), token.slice(9)];
  return {
    keysMac: {
      macKey: macKey.toString("hex"),
      body,
      mac,
      malformed: ["", mac.slice(1), `${mac}=`, `${mac}A`, own.respelled(mac), unlabelled],
    },
    apiKey: {
      text: `kv_packager_1_${apiSecret.toString("base64url")}`,
      id: "packager_1",
      psk: own.apiKeyPsk(apiSecret).toString("hex"),
      malformed: [
        "",
        "kv_",
        `kw_a_${apiSecret.toString("base64url")}`,
        `kv__${apiSecret.toString("base64url")}`,
        "kv_a_short",
        `kv_a_${"é".repeat(22)}`,
        `kv_a_${own.respelled(apiSecret.toString("base64url"))}`,
        `kv_a_${apiSecret.toString("base64url")} `,
        `kv_${"a".repeat(65)}_${apiSecret.toString("base64url")}`,
        `KV_a_${apiSecret.toString("base64url")}`,
      ],
    },
    urlToken: {
      urlKey: urlKey.toString("hex"),
      expiresAt: 2000000000,
      fileId: "film-1",
      token,
      // The HMAC is right for the number and the file id; a second spelling of one token would be a second address in caches.
      malformed: [
        later.slice(0, 8).toUpperCase() + later.slice(8),
        `0${token}`,
        `+${token}`,
        `0x${token}`,
        `${expiry}-${own.respelled(urlMac)}`,
        `${token}=`,
        `${expiry}${urlMac}`,
        `-${urlMac}`,
        `10000000000000000-${urlMac}`,
      ],
      altered: [own.urlToken(urlKey, 2000000000, "film-2"), own.urlToken(macKey, 2000000000, "film-1")],
    },
  };
}

export const vectors = {
  "key-hierarchy": keyHierarchy(),
  "segment-cipher": segmentCipher(),
  "key-tag": keyTag(),
  psign: psignVectors(),
  envelope: envelopes(),
  mac: macs(),
  levels: levelVectors(),
  malformations: malformationVectors(),
};
export const pathOf = (name) => fileURLToPath(new URL(`${name}.json`, import.meta.url));

if (process.argv.includes("--write")) {
  for (const [name, content] of Object.entries(vectors)) {
    writeFileSync(pathOf(name), `${JSON.stringify(content, null, 2)}\n`);
  }
}
