// What docs/PROTOCOL.md accepts, read a second time on Node alone: each reader answers null, or the code of its refusal.
import { createHmac } from "node:crypto";
import * as own from "./independent.mjs";

const { hex } = own;
const isName = (text) => typeof text === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(text);
const isCount = (value, most = Number.MAX_SAFE_INTEGER) => Number.isInteger(value) && value >= 0 && value <= most;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === "string" && value.isWellFormed();
const unless = (fits, code) => (fits ? null : code);

/** The bytes of the one spelling in base64url, or nothing. */
function base64url(text, length) {
  const bytes = Buffer.from(text, "base64url");
  const fits = bytes.toString("base64url") === text && (length === undefined || bytes.length === length);
  return fits ? bytes : undefined;
}

/** A JSON object in UTF-8, or nothing. JSON.parse keeps the last of two names and rounds numbers: that is not seen here. */
function jsonObject(bytes) {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function psign({ signingKey, now, maxAgeSecs, fileId }, text) {
  const malformed = "psign_malformed";
  const parts = text.split(".");
  if (text.length > 4096 || parts.length !== 3) return malformed;
  const [header, claims, mac] = parts.map((part) => base64url(part));
  if (!header || !claims || !mac) return malformed;
  const [head, body] = [jsonObject(header), jsonObject(claims)];
  if (!head || !isText(head.alg) || "crit" in head) return malformed;
  if (head.kid !== undefined && !isName(head.kid)) return malformed;
  if (head.alg !== "HS256") return "psign_algorithm";
  if (head.typ !== undefined && String(head.typ).toLowerCase() !== "jwt") return malformed;
  if (!body || !areClaims(body)) return malformed;
  const expected = createHmac("sha256", signingKey).update(`${parts[0]}.${parts[1]}`).digest();
  if (!expected.equals(mac)) return "psign_signature";
  if (body.currentTimeStamp > now + 60) return "psign_from_future";
  const end = Math.min(body.expireTimeStamp ?? Number.POSITIVE_INFINITY, body.currentTimeStamp + maxAgeSecs);
  if (end <= now) return "psign_expired";
  return unless(body.fileId === fileId, "psign_other_title");
}

function areClaims(claims) {
  const { appId, fileId, currentTimeStamp, expireTimeStamp, contentInfo, urlAccessInfo, keyveil = {} } = claims;
  const objects = [contentInfo, urlAccessInfo, claims.drmLicenseInfo, claims.ghostWatermarkInfo, keyveil];
  const names = contentInfo?.resolutionNames ?? [];
  return (
    isCount(appId) &&
    appId > 0 &&
    isName(fileId) &&
    isCount(currentTimeStamp) &&
    !Object.is(currentTimeStamp, -0) &&
    (expireTimeStamp === undefined || isCount(expireTimeStamp)) &&
    [...objects, ...names].every((value) => value === undefined || isObject(value)) &&
    (urlAccessInfo?.t === undefined || /^[0-9A-Fa-f]{1,16}$/.test(urlAccessInfo.t)) &&
    areOwn(keyveil)
  );
}

function areOwn({ uid, maxTrack, minLevel, belowMinLevel, ip }) {
  const isAddress = (text) => /^[0-9a-f.:]+(\/\d+)?$/.test(text) && !/^0\d|^[\d.]+:/.test(text);
  return (
    (uid === undefined || isText(uid)) &&
    (maxTrack === undefined || own.TRACK_CLASSES.includes(maxTrack)) &&
    (minLevel == null || own.LEVELS.includes(minLevel)) &&
    (belowMinLevel === undefined || minLevel != null) &&
    (ip === undefined || ip.every(isAddress))
  );
}

const decimal = (text, most) => /^(0|[1-9][0-9]*)$/.test(text) && BigInt(text) <= most;

export function keyTag(_, line) {
  const attribute = /([A-Z0-9-]+)=(?:"([^"\r\n]*)"|([^",\r\n]+))(,(?=.)|$)/suy;
  const found = new Map();
  const begin = "#EXT-X-KEY:";
  attribute.lastIndex = begin.length;
  let end = begin.length;
  for (let match = attribute.exec(line); match !== null; match = attribute.exec(line)) {
    if (found.has(match[1])) return "key_tag_malformed";
    found.set(match[1], { quoted: match[2], bare: match[3] });
    end = attribute.lastIndex;
  }
  const quoted = (name) => found.get(name)?.quoted;
  const bare = (name) => found.get(name)?.bare ?? "";
  const [, fileId, period] = /^keyveil:([^/]*)\/(.*)$/su.exec(quoted("URI") ?? "") ?? [];
  const fits =
    line.startsWith(begin) &&
    end === line.length &&
    Buffer.byteLength(line) <= 1024 &&
    bare("METHOD") === "KEYVEIL" &&
    quoted("KEYFORMAT") === "com.keyveil" &&
    quoted("KEYFORMATVERSIONS") === "1" &&
    own.CIPHERS.includes(quoted("CIPHER")) &&
    own.TRACK_CLASSES.includes(quoted("TRACK-CLASS")) &&
    decimal(bare("RENDITION"), 65535n) &&
    isName(fileId) &&
    decimal(period ?? "", 4294967295n);
  return unless(fits, "key_tag_malformed");
}

export function segmentRef(_, fragment) {
  const [fileId, ...numbers] = fragment
    .replace(/^keyveil=/, "")
    .replace(/\/chacha20-poly1305$/, "")
    .split("/");
  const most = [3n, 4294967295n, 65535n, 4294967295n];
  const counts = numbers.length === 4 && numbers.every((number, index) => decimal(number, most[index]));
  return unless(fragment.startsWith("keyveil=") && isName(fileId) && counts, "key_tag_malformed");
}

const isOptional = (value, fits) => value == null || fits(value);

function request(body, fits) {
  const value = jsonObject(Buffer.from(body));
  if (!value || !isCount(value.positionMs) || !isText(value.publicKey) || !fits(value)) return "malformed_request";
  return unless(base64url(value.publicKey, 32), "public_key_invalid");
}

export const play = (_, body) =>
  request(
    body,
    (value) =>
      isText(value.psign) &&
      isOptional(value.fileId, isName) &&
      isText(value.buildId) &&
      isOptional(value.version, (version) => isCount(version, 4294967295)) &&
      own.statedLevel(value) !== undefined,
  );

export const keys = (_, body) =>
  request(
    body,
    (value) =>
      isText(value.sessionId) &&
      base64url(value.sessionId, 16) !== undefined &&
      isCount(value.counter) &&
      isCount(value.period, 4294967295) &&
      isOptional(value.psign, isText),
  );

export function envelope({ body, recipientSeed, serverPrivateKey, psk, pskId }, json) {
  const value = jsonObject(Buffer.from(json));
  const { serverKeyId, enc, ciphertext, ...others } = value ?? {};
  const isEnvelope = isName(serverKeyId) && isText(enc) && isText(ciphertext) && Object.keys(others).length === 0;
  if (!isEnvelope) return "malformed_request";
  if (serverKeyId !== "server-1") return "server_key_unknown";
  if (!base64url(enc, 32) || !base64url(ciphertext) || ciphertext.length > 27307) return "envelope_rejected";
  try {
    const recipient = own.x25519(hex(recipientSeed));
    const senderPublic = own.x25519FromBytes(hex(serverPrivateKey)).publicBytes;
    const label = "keyveil/v1/grant/play";
    const opened = own.open({
      label,
      body: Buffer.from(body),
      recipient,
      senderPublic,
      psk: hex(psk),
      pskId,
      envelope: value,
    });
    return unless(isGrant(opened), "envelope_rejected");
  } catch {
    return "envelope_rejected";
  }
}

function isGrant(plaintext) {
  if (plaintext[0] !== 3 || plaintext.length < 59) return false;
  const keyCount = plaintext.readUInt16BE(57);
  const behind = 59 + keyCount * 37;
  if (keyCount > 256 || plaintext.length < behind + 2) return false;
  for (let entry = 0; entry < keyCount; entry++) if (plaintext[59 + entry * 37] > 3) return false;
  const segmentCount = plaintext.readUInt16BE(behind);
  if (segmentCount > 256 || plaintext.length !== behind + 2 + segmentCount * 39) return false;
  const ciphers = Array.from({ length: segmentCount }, (_, entry) => plaintext[behind + 2 + entry * 39 + 6]);
  return ciphers.every((number) => number < own.CIPHERS.length);
}

export function segment({ segmentKey }, ciphertext) {
  try {
    own.decryptSegment(hex(segmentKey), hex(ciphertext));
    return null;
  } catch {
    return "segment_damaged";
  }
}

export function chunkedSegment({ segmentKey }, sealed) {
  try {
    own.openSegment(hex(segmentKey), hex(sealed));
    return null;
  } catch {
    return "segment_damaged";
  }
}

export const mac = ({ macKey, body }, text) =>
  unless(text === own.keysMac(hex(macKey), Buffer.from(body)), "session_invalid");

export function apiKey(_, text) {
  const [, id, secret] = /^kv_(.*)_(.{43})$/su.exec(text) ?? [];
  return unless(isName(id) && base64url(secret, 32), "api_key_invalid");
}

export const fileId = (_, text) => unless(isName(text), "malformed_request");
export const appId = (_, text) => unless(decimal(text, 2n ** 53n - 1n) && text !== "0", "malformed_request");
