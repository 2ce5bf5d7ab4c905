// The protocol of docs/PROTOCOL.md a second time, on Node's `crypto` alone, sharing no code with the Rust crate.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
} from "node:crypto";

const utf8 = (text) => Buffer.from(text, "utf8");
export const hex = (text) => Buffer.from(text, "hex");
const uint = (value, bytes) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
};
const hmac = (key, ...parts) => parts.reduce((mac, part) => mac.update(part), createHmac("sha256", key)).digest();
const hkdf = (ikm, info) => Buffer.from(hkdfSync("sha256", ikm, Buffer.alloc(0), info, 32));

// The last character of base64url may have bits to spare; set, they decode to the same bytes if nobody looks.
export function respelled(text) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const other = `${text.slice(0, -1)}${alphabet[alphabet.indexOf(text.at(-1)) + 1]}`;
  if (!Buffer.from(other, "base64url").equals(Buffer.from(text, "base64url"))) throw new Error("no bits to spare");
  return other;
}

export const TRACK_CLASSES = ["AUDIO", "SD", "HD", "UHD"];

// Key hierarchy
export const periodKey = (titleSecret, trackClass, period) =>
  hkdf(
    titleSecret,
    Buffer.concat([utf8("keyveil/v1/period-key\0"), uint(TRACK_CLASSES.indexOf(trackClass), 1), uint(period, 4)]),
  );
export const CIPHERS = ["aes-128-cbc", "chacha20-poly1305"];
export const segmentKey = (key, rendition, segment, cipher = CIPHERS[0]) =>
  hkdf(key, Buffer.concat([utf8(`keyveil/v1/segment/${cipher}\0`), uint(rendition, 2), uint(segment, 4)]));

export const standardKey = (key) => hkdf(key, utf8("keyveil/v1/standard/key\0")).subarray(0, 16);
export const standardIv = (key, rendition, segment) =>
  hkdf(key, Buffer.concat([utf8("keyveil/v1/standard/iv\0"), uint(rendition, 2), uint(segment, 4)])).subarray(0, 16);

// Segment cipher: OpenSSL pads with PKCS#7 by default.
export function encryptSegment(key, clear) {
  const cipher = createCipheriv("aes-128-cbc", key.subarray(0, 16), key.subarray(16));
  return Buffer.concat([cipher.update(clear), cipher.final()]);
}
// Without padding of its own: what is encrypted brings what it has instead.
export function encryptBlocks(key, blocks) {
  const cipher = createCipheriv("aes-128-cbc", key.subarray(0, 16), key.subarray(16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}
export function decryptSegment(key, ciphertext) {
  const cipher = createDecipheriv("aes-128-cbc", key.subarray(0, 16), key.subarray(16));
  return Buffer.concat([cipher.update(ciphertext), cipher.final()]);
}

// Segment cipher in chunks: each under its number, and whether it is the last one.
export const CHUNK = 65536;
const TAG = 16;
const chunkNonce = (number, isLast) => Buffer.concat([uint(0, 3), uint(number, 8), uint(isLast ? 1 : 0, 1)]);

export function sealChunk(key, number, isLast, clear) {
  const cipher = createCipheriv("chacha20-poly1305", key, chunkNonce(number, isLast), { authTagLength: TAG });
  return Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
}
export function sealSegment(key, clear) {
  const count = Math.max(1, Math.ceil(clear.length / CHUNK));
  const chunk = (_, number) =>
    sealChunk(key, number, number === count - 1, clear.subarray(number * CHUNK, (number + 1) * CHUNK));
  return Buffer.concat(Array.from({ length: count }, chunk));
}
export function openSegment(key, sealed) {
  const count = Math.max(1, Math.ceil(sealed.length / (CHUNK + TAG)));
  const parts = Array.from({ length: count }, (_, number) => {
    const part = sealed.subarray(number * (CHUNK + TAG), (number + 1) * (CHUNK + TAG));
    if (part.length < TAG || (part.length === TAG && count > 1)) throw new Error("a chunk is too short");
    const nonce = chunkNonce(number, number === count - 1);
    const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG });
    cipher.setAuthTag(part.subarray(-TAG));
    return Buffer.concat([cipher.update(part.subarray(0, -TAG)), cipher.final()]);
  });
  return Buffer.concat(parts);
}

// Player signature
export function sign(header, claims, signingKey) {
  const part = (json) => Buffer.from(typeof json === "string" ? json : JSON.stringify(json)).toString("base64url");
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${hmac(signingKey, input).toString("base64url")}`;
}

// Playback levels
export const LEVELS = ["standard", "guarded", "sealed"];
const REASONS = ["browser", "application", "own_hls", "hls_settings"];

// What a play request says of its player; undefined where it makes no sense.
export function statedLevel({ level = null, downgrade = null }) {
  if (level === null && downgrade === null) return { level: "guarded", downgrade: "old_player" };
  if (level === "sealed" && downgrade === null) return { level, downgrade };
  return level === "guarded" && REASONS.includes(downgrade) ? { level, downgrade } : undefined;
}

// The highest track class under every rule, or `refuse`.
export function highestTrack(rules, level) {
  const order = ["refuse", ...TRACK_CLASSES];
  const least = ({ minLevel, belowMinLevel }) =>
    LEVELS.indexOf(level) >= LEVELS.indexOf(minLevel) ? "UHD" : belowMinLevel;
  return order[Math.min(...rules.map((rule) => order.indexOf(least(rule))))];
}

// Follow-up requests and API keys
export const keysMac = (macKey, body) => hmac(macKey, "keyveil/v1/keys-mac\0", body).toString("base64url");
export const apiKeyPsk = (secret) => hkdf(secret, utf8("keyveil/v1/api-key-psk"));
export const urlToken = (urlKey, expiresAt, fileId) =>
  `${expiresAt.toString(16)}-${hmac(urlKey, "keyveil/v1/url\0", uint(expiresAt, 8), fileId).toString("base64url")}`;

// One token has one spelling: what is read is written again and compared whole.
export function expiryOf(urlKey, fileId, token) {
  const expiresAt = Number.parseInt(token.split("-")[0], 16);
  return Number.isSafeInteger(expiresAt) && urlToken(urlKey, expiresAt, fileId) === token ? expiresAt : undefined;
}

// HPKE (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, mode AuthPSK
const KEM_SUITE = Buffer.concat([utf8("KEM"), uint(0x0020, 2)]);
const HPKE_SUITE = Buffer.concat([utf8("HPKE"), uint(0x0020, 2), uint(0x0001, 2), uint(0x0003, 2)]);
const extract = (suite, salt, label, ikm) => hmac(salt, "HPKE-v1", suite, label, ikm);
function expand(suite, prk, label, info, length) {
  // RFC 5869, section 2.3: one block is enough for every length asked for here.
  const labeled = Buffer.concat([uint(length, 2), utf8("HPKE-v1"), suite, utf8(label), info, uint(1, 1)]);
  return hmac(prk, labeled).subarray(0, length);
}
export function x25519(seed) {
  const prk = extract(KEM_SUITE, "", "dkp_prk", seed);
  return x25519FromBytes(expand(KEM_SUITE, prk, "sk", Buffer.alloc(0), 32));
}
export function x25519FromBytes(bytes) {
  const der = Buffer.concat([hex("302e020100300506032b656e04220420"), bytes]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicBytes = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
  return { privateKey, publicBytes };
}
export const x25519PublicKey = (bytes) =>
  createPublicKey({ key: Buffer.concat([hex("302a300506032b656e032100"), bytes]), format: "der", type: "spki" });
export const dh = (privateKey, publicBytes) => diffieHellman({ privateKey, publicKey: x25519PublicKey(publicBytes) });

export function hpkeContext({ dhs, enc, recipientPublic, senderPublic, info, psk, pskId }) {
  const prk = extract(KEM_SUITE, "", "eae_prk", dhs);
  const shared = expand(KEM_SUITE, prk, "shared_secret", Buffer.concat([enc, recipientPublic, senderPublic]), 32);
  const schedule = Buffer.concat([
    uint(3, 1),
    extract(HPKE_SUITE, "", "psk_id_hash", utf8(pskId)),
    extract(HPKE_SUITE, "", "info_hash", info),
  ]);
  const secret = extract(HPKE_SUITE, shared, "secret", psk);
  return {
    shared,
    key: expand(HPKE_SUITE, secret, "key", schedule, 32),
    nonce: expand(HPKE_SUITE, secret, "base_nonce", schedule, 12),
  };
}

export const grantInfo = (label, body) =>
  Buffer.concat([utf8(`${label}\0`), createHash("sha256").update(body).digest()]);

export function seal({ label, body, recipientPublic, ephemeral, sender, psk, pskId, plaintext }) {
  const enc = ephemeral.publicBytes;
  const dhs = Buffer.concat([dh(ephemeral.privateKey, recipientPublic), dh(sender.privateKey, recipientPublic)]);
  const info = grantInfo(label, body);
  const { key, nonce } = hpkeContext({ dhs, enc, recipientPublic, senderPublic: sender.publicBytes, info, psk, pskId });
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { enc: enc.toString("base64url"), ciphertext: ciphertext.toString("base64url") };
}

export function open({ label, body, recipient, senderPublic, psk, pskId, envelope }) {
  const enc = Buffer.from(envelope.enc, "base64url");
  const sealed = Buffer.from(envelope.ciphertext, "base64url");
  const dhs = Buffer.concat([dh(recipient.privateKey, enc), dh(recipient.privateKey, senderPublic)]);
  const info = grantInfo(label, body);
  const { key, nonce } = hpkeContext({
    dhs,
    enc,
    recipientPublic: recipient.publicBytes,
    senderPublic,
    info,
    psk,
    pskId,
  });
  const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
}

const keyEntries = (keys) =>
  Buffer.concat([
    uint(keys.length, 2),
    ...keys.flatMap((entry) => [
      uint(TRACK_CLASSES.indexOf(entry.trackClass), 1),
      uint(entry.period, 4),
      hex(entry.key),
    ]),
  ]);
// The cipher by its number, then the key of 32 bytes: for AES-128 its key and IV.
const segmentKeyEntries = (keys) =>
  Buffer.concat([
    uint(keys.length, 2),
    ...keys.flatMap((entry) => [
      uint(entry.rendition, 2),
      uint(entry.segment, 4),
      uint(CIPHERS.indexOf(entry.cipher), 1),
      hex(entry.key),
    ]),
  ]);
export const playPlaintext = (grant) =>
  Buffer.concat([
    uint(3, 1),
    hex(grant.sessionId),
    hex(grant.macKey),
    uint(grant.expiresAt, 8),
    keyEntries(grant.keys),
    segmentKeyEntries(grant.segmentKeys),
  ]);
export const keysPlaintext = (grant) =>
  Buffer.concat([uint(3, 1), uint(grant.expiresAt, 8), keyEntries(grant.keys), segmentKeyEntries(grant.segmentKeys)]);
export const titlePlaintext = (titleSecret) => Buffer.concat([uint(1, 1), titleSecret]);
