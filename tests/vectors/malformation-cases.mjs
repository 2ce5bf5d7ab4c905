// Malformations by name: for each kind of input one that is well formed, and each way to break it that we know of.
import { createHmac } from "node:crypto";
import { encryptBlocks, respelled, seal, segmentKey, sign, x25519, x25519FromBytes } from "./independent.mjs";
import { requestMalformations } from "./malformed-requests.mjs";

const bytes = (first, length) => Buffer.from(Array.from({ length }, (_, i) => (first + i * 11) & 255));
const rows = (code, cases) => cases.map(([name, what, input, other]) => ({ name, what, input, code: other ?? code }));
const group = (context, original, malformations) => ({ ...context, original, malformations });

function psign() {
  const [key, now] = ["a-signing-key-shared-with-the-customer", 1_800_000_000];
  const header = { alg: "HS256", typ: "JWT" };
  const claims = { appId: 1500001234, fileId: "film-1", currentTimeStamp: now - 10, expireTimeStamp: now + 3600 };
  const text = JSON.stringify(claims);
  const part = (json) => Buffer.from(json).toString("base64url");
  const mac = (input, algorithm = "sha256", by = key) => createHmac(algorithm, by).update(input).digest("base64url");
  const signed = (changes) => sign(header, { ...claims, ...changes }, key);
  const headed = (changes) => sign({ ...header, ...changes }, claims, key);
  const raw = (json) => sign(header, json, key);
  const and = (more) => raw(`${text.slice(0, -1)},${more}}`);
  const good = signed({});
  const [head, body, tag] = good.split(".");
  const publicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n";
  const rs256 = `${part('{"alg":"RS256","typ":"JWT"}')}.${body}`;
  const cases = [
    ["alg none", "no signature at all", `${part('{"alg":"none","typ":"JWT"}')}.${body}.`, "psign_algorithm"],
    ["alg None", "none in another spelling", `${part('{"alg":"nOnE"}')}.${body}.`, "psign_algorithm"],
    ["alg empty", "no algorithm is named", headed({ alg: "" }), "psign_algorithm"],
    ["alg absent", "the header names no algorithm", sign({ typ: "JWT" }, claims, key)],
    ["alg null", "null is no algorithm", headed({ alg: null })],
    ["alg in another case of name", "`ALG` beside no `alg`", sign({ ALG: "HS256" }, claims, key)],
    [
      "alg confusion",
      "RS256, HMACed with a public key",
      `${rs256}.${mac(rs256, "sha256", publicKey)}`,
      "psign_algorithm",
    ],
    ["alg HS384", "a longer HMAC", sign({ alg: "HS384" }, claims, key), "psign_algorithm"],
    ["alg with a zero byte", "a C reader would see HS256", headed({ alg: "HS256\0" }), "psign_algorithm"],
    ["kid traversal", "a path as key id", headed({ kid: "../../dev/null" })],
    ["kid with an injection", "SQL as key id", headed({ kid: "k' OR '1'='1" })],
    ["kid empty", "no key id has no letters", headed({ kid: "" })],
    ["kid over 64", "longer than any key id", headed({ kid: "k".repeat(65) })],
    ["kid a number", "key ids are texts", headed({ kid: 7 })],
    ["kid in a list", "two key ids", headed({ kid: ["k1", "k2"] })],
    ["kid given twice", "which one counts?", sign('{"alg":"HS256","kid":"a","kid":"b"}', claims, key)],
    ["crit unknown", "an extension that must be understood", headed({ crit: ["x"], x: 1 })],
    ["typ a JWE", "an encrypted token", headed({ typ: "JWE" })],
    ["typ a number", "typ is a text", headed({ typ: 1 })],
    ["five parts", "a compact JWE has five", `${good}.a.b`],
    ["no parts", "dots alone", ".."],
    ["header empty", "nothing before the first dot", `.${body}.${tag}`],
    ["claims empty", "nothing between the dots", `${head}..${tag}`],
    ["header padded", "base64url has no padding here", `${part('{"alg":"HS256"}')}=.${body}.${tag}`],
    ["claims padded", "base64url has no padding here", `${head}.${body}==.${tag}`],
    ["claims with spare bits", "a second spelling of the last byte", respelledClaims(head, claims, mac)],
    ["base64 of MIME", "plus and slash instead of minus and underscore", `${head}.${body}.${"+/".repeat(21)}A`],
    ["line break inside", "base64 in lines", `${head}.${body.slice(0, 8)}\n${body.slice(8)}.${tag}`],
    ["space in front", "a header field's leftover", ` ${good}`],
    ["Bearer in front", "an Authorization header's value", `Bearer ${good}`],
    ["zero byte behind", "a C reader would stop there", `${good}\0`],
    ["fileId given twice", "two titles", and('"fileId":"film-2"')],
    ["appId given twice", "the same value, twice", and('"appId":1500001234')],
    ["expireTimeStamp given twice", "two ends", and('"expireTimeStamp":9999999999')],
    ["keyveil given twice", "two sets of limits", and('"keyveil":{"maxTrack":"SD"},"keyveil":{}')],
    ["uid given twice", "two viewers", and('"keyveil":{"uid":"a","uid":"b"}')],
    ["fileId given twice by an escape", "fileId and file\\u0049d are one name", and('"file\\u0049d":"film-2"')],
    ["expired a second ago", "its last second is over", signed({ expireTimeStamp: now - 1 }), "psign_expired"],
    ["expireTimeStamp zero", "zero is a time, not for ever", signed({ expireTimeStamp: 0 }), "psign_expired"],
    ["times the wrong way round", "ends before it begins", signed({ expireTimeStamp: now - 11 }), "psign_expired"],
    [
      "signed in the far future",
      "a clock in milliseconds",
      signed({ currentTimeStamp: now * 1000 }),
      "psign_from_future",
    ],
    ["expireTimeStamp negative", "before 1970", signed({ expireTimeStamp: -1 })],
    ["expireTimeStamp infinite", "1e999 overflows a double", raw(text.replace(String(now + 3600), "1e999"))],
    ["currentTimeStamp minus zero", "a negative number", raw(text.replace(String(now - 10), "-0"))],
    ["currentTimeStamp a true", "no number", signed({ currentTimeStamp: true })],
    ["appId over 64 bits", "a huge number", raw(text.replace("1500001234", "340282366920938463463374607431768211456"))],
    ["appId with an exponent", "a number that is written as a float", raw(text.replace("1500001234", "15e8"))],
    ["appId with a leading zero", "no JSON number", raw(text.replace("1500001234", "01500001234"))],
    ["appId hexadecimal", "no JSON number", raw(text.replace("1500001234", "0x5968307a"))],
    ["appId NaN", "no JSON number", raw(text.replace("1500001234", "NaN"))],
    ["fileId with a lone surrogate", "half a character", raw(text.replace("film-1", "film-\\ud800"))],
    ["uid with a lone surrogate", "half a character", and('"keyveil":{"uid":"\\udc00"}')],
    [
      "a claim not UTF-8",
      "a byte that is no text",
      resigned(head, mac, Buffer.from(`${text.slice(0, -1)},"x":"\xff"}`, "latin1")),
    ],
    ["uid with a raw line break", "control characters are escaped in JSON", and('"keyveil":{"uid":"a\nb"}')],
    ["byte order mark", "JSON begins with none", raw(`\uFEFF${text}`)],
    ["claims in UTF-16", "JSON is UTF-8", resigned(head, mac, Buffer.from(text, "utf16le"))],
    ["comment", "JSON has none", raw(text.replace("{", "{/**/"))],
    ["trailing comma", "JSON has none", raw(text.replace("}", ",}"))],
    ["single quotes", "JSON has none", raw(text.replaceAll('"', "'"))],
    ["claims a text of JSON", "quoted once too often", raw(JSON.stringify(text))],
    ["keyveil an array", "an array of its fields", signed({ keyveil: ["viewer-7", "SD"] })],
    ["contentInfo an array", "an array of its fields", signed({ contentInfo: ["ProtectedAdaptive"] })],
    ["urlAccessInfo an array", "an array of its fields", signed({ urlAccessInfo: ["6b49e010", 30] })],
    ["drmLicenseInfo an array", "an array of its fields", signed({ drmLicenseInfo: [now + 60] })],
    ["watermark an array", "an array of its fields", signed({ ghostWatermarkInfo: ["viewer 7"] })],
    ["resolution name an array", "an array of its fields", signed({ contentInfo: { resolutionNames: [[720, "HD"]] } })],
    ["keyveil a text", "an object in quotes", signed({ keyveil: "{}" })],
    ["minLevel in capitals", "names have one spelling", signed({ keyveil: { minLevel: "SEALED" } })],
    [
      "minLevel null and an outcome",
      "an outcome of nothing",
      signed({ keyveil: { minLevel: null, belowMinLevel: "SD" } }),
    ],
    ["maxTrack a number", "classes are names here", signed({ keyveil: { maxTrack: 2 } })],
    ["address range too wide", "a prefix below zero", signed({ keyveil: { ip: ["192.0.2.0/-1"] } })],
    ["address with a port", "addresses alone", signed({ keyveil: { ip: ["192.0.2.1:443"] } })],
    ["address in octal", "a second spelling", signed({ keyveil: { ip: ["0300.0.2.1"] } })],
    ["t with a prefix", "hexadecimal digits alone", signed({ urlAccessInfo: { t: "0x6b49d200" } })],
    ["HMAC of the claims alone", "the header is not under it", `${head}.${body}.${mac(body)}`, "psign_signature"],
    [
      "HMAC truncated",
      "its first 16 bytes",
      `${head}.${body}.${Buffer.from(tag, "base64url").subarray(0, 16).toString("base64url")}`,
      "psign_signature",
    ],
    [
      "HMAC extended",
      "a byte more",
      `${head}.${body}.${Buffer.concat([Buffer.from(tag, "base64url"), Buffer.from([0])]).toString("base64url")}`,
      "psign_signature",
    ],
    [
      "HMAC in hex",
      "its text instead of its bytes",
      `${head}.${body}.${part(Buffer.from(tag, "base64url").toString("hex"))}`,
      "psign_signature",
    ],
    ["HMAC of zeros", "32 zero bytes", `${head}.${body}.${"A".repeat(43)}`, "psign_signature"],
    [
      "HMAC under the key in base64",
      "the key's text is the key",
      `${head}.${body}.${mac(`${head}.${body}`, "sha256", part(key))}`,
      "psign_signature",
    ],
    [
      "HMAC under the key with a line break",
      "a file's leftover",
      `${head}.${body}.${mac(`${head}.${body}`, "sha256", `${key}\n`)}`,
      "psign_signature",
    ],
    ["a bit flipped in the claims", "under the HMAC of others", `${head}.${flipped(body)}.${tag}`, "psign_signature"],
  ];
  const context = { signingKey: key, now, maxAgeSecs: 86400, fileId: claims.fileId };
  return group(context, good, rows("psign_malformed", cases));
}

const resigned = (head, mac, claims) => {
  const input = `${head}.${claims.toString("base64url")}`;
  return `${input}.${mac(input)}`;
};

function respelledClaims(head, claims, mac) {
  // A length that leaves bits to spare.
  let text = JSON.stringify(claims);
  while (text.length % 3 === 0) text = `${text.slice(0, -1)} }`;
  const input = `${head}.${respelled(Buffer.from(text).toString("base64url"))}`;
  return `${input}.${mac(input)}`;
}

/** Another digit in the expiry: still JSON, no longer what was signed. */
const flipped = (body) =>
  Buffer.from(Buffer.from(body, "base64url").toString().replace("1800003600", "1800003601")).toString("base64url");

function keyTag() {
  const good =
    '#EXT-X-KEY:METHOD=KEYVEIL,URI="keyveil:film-1/3",CIPHER="aes-128-cbc",TRACK-CLASS="HD",RENDITION=2,KEYFORMAT="com.keyveil",KEYFORMATVERSIONS="1"';
  const cases = [
    ["line feed in a quoted value", "two lines for another reader", `${good},X="a\nb"`],
    ["carriage return in a quoted value", "two lines for another reader", `${good},X="a\rb"`],
    ["line feed in a bare value", "two lines for another reader", `${good},X=a\n#EXT-X-KEY:METHOD=NONE`],
    ["second tag in a value of its own", "the method again", `${good},METHOD=NONE`],
    ["space in front", "a tag begins a line", ` ${good}`],
    ["space before a name", "no space between attributes", good.replace(",URI", ", URI")],
    ["space around an equals sign", "no space there", good.replace("RENDITION=2", "RENDITION = 2")],
    ["tag in lower case", "tags have one spelling", good.replace("#EXT-X-KEY", "#ext-x-key")],
    ["method in lower case", "names have one spelling", good.replace("KEYVEIL,", "keyveil,")],
    ["method NONE", "a segment in clear", "#EXT-X-KEY:METHOD=NONE"],
    ["method SAMPLE-AES", "another encryption", good.replace("METHOD=KEYVEIL", "METHOD=SAMPLE-AES")],
    ["an IV of its own", "IV without the rest", "#EXT-X-KEY:METHOD=KEYVEIL,IV=0x00000000000000000000000000000000"],
    ["URI over HTTP", "a key to fetch", good.replace("keyveil:film-1/3", "https://elsewhere.example/key")],
    ["URI with a query", "the period is no number", good.replace("/3", "/3?x=1")],
    ["URI with a third part", "the period is no number", good.replace("/3", "/3/4")],
    ["URI not quoted", "a text is quoted", good.replace('"keyveil:film-1/3"', "keyveil:film-1/3")],
    ["rendition quoted", "a number is not", good.replace("RENDITION=2", 'RENDITION="2"')],
    ["rendition negative", "below zero", good.replace("RENDITION=2", "RENDITION=-2")],
    ["rendition hexadecimal", "a second spelling", good.replace("RENDITION=2", "RENDITION=0x2")],
    ["rendition in other digits", "digits of another script", good.replace("RENDITION=2", "RENDITION=٢")],
    ["class a number", "classes are names here", good.replace('"HD"', '"2"')],
    ["two versions", "a list of versions", good.replace('VERSIONS="1"', 'VERSIONS="1/2"')],
    ["cipher with a zero byte", "a C reader would see another", good.replace("cbc", "cbc\0")],
    ["comma behind", "an attribute without a name", `${good},`],
    ["file id over 64", "longer than any", good.replace("film-1", "f".repeat(65))],
  ];
  return group({}, good, rows("key_tag_malformed", cases));
}

function segmentRef() {
  const good = "keyveil=film-1/2/3/2/31";
  const cases = [
    ["percent-encoded", "an address' second spelling", "keyveil=film%2D1/2/3/2/31"],
    ["slash at the end", "a part more", `${good}/`],
    ["class over 3", "no such class", "keyveil=film-1/255/3/2/31"],
    ["class over 8 bits", "a number that wraps to 0", "keyveil=film-1/256/3/2/31"],
    ["period negative", "below zero", "keyveil=film-1/2/-3/2/31"],
    ["segment with a point", "a float", "keyveil=film-1/2/3/2/31.0"],
    ["segment empty", "no number", "keyveil=film-1/2/3/2/"],
    ["line break behind", "a second spelling", `${good}\n`],
    ["fragment twice", "two places", `${good}&${good}`],
    ["name in capitals", "names have one spelling", good.replace("keyveil", "KEYVEIL")],
  ];
  return group({}, good, rows("key_tag_malformed", cases));
}

const flip = (text, at, bit) => {
  const buffer = Buffer.from(text, "base64url");
  buffer[at < 0 ? buffer.length + at : at] ^= bit;
  return buffer.toString("base64url");
};

function envelope() {
  const [recipientSeed, serverPrivate, psk, pskId, body] = [
    bytes(11, 32),
    bytes(37, 32),
    bytes(51, 32),
    "build-1",
    "{}",
  ];
  const sender = x25519FromBytes(serverPrivate);
  const recipientPublic = x25519(recipientSeed).publicBytes;
  const uint = (value, length) => Buffer.from(value.toString(16).padStart(length * 2, "0"), "hex");
  const entry = Buffer.concat([uint(2, 1), uint(1, 4), bytes(62, 32)]);
  const segment = Buffer.concat([uint(1, 2), uint(20, 4), bytes(63, 32)]);
  const begin = Buffer.concat([uint(2, 1), bytes(71, 16), bytes(72, 32), uint(2_000_000_000, 8)]);
  const grant = (...parts) => Buffer.concat([begin, ...parts]);
  const plaintext = grant(uint(1, 2), entry, uint(1, 2), segment);
  const sealed = (text, changes = {}) => ({
    serverKeyId: "server-1",
    ...seal({
      label: "keyveil/v1/grant/play",
      body: Buffer.from(body),
      recipientPublic,
      ephemeral: x25519(bytes(23, 32)),
      sender,
      psk,
      pskId,
      plaintext: text,
      ...changes,
    }),
  });
  const good = sealed(plaintext);
  const text = (value) => JSON.stringify(value);
  const changed = (changes) => text({ ...good, ...changes });
  const { enc, ciphertext } = good;
  const longer = Buffer.concat([Buffer.from(ciphertext, "base64url"), Buffer.from([0])]).toString("base64url");
  const cases = [
    ["first bit of the ciphertext flipped", "authenticated", changed({ ciphertext: flip(ciphertext, 0, 128) })],
    ["last bit of the tag flipped", "authenticated", changed({ ciphertext: flip(ciphertext, -1, 1) })],
    ["ciphertext extended", "a byte more", changed({ ciphertext: longer })],
    ["tag alone", "16 bytes", changed({ ciphertext: ciphertext.slice(-22) })],
    ["shorter than a tag", "15 bytes", changed({ ciphertext: "A".repeat(20) })],
    ["ciphertext padded", "base64url has no padding here", changed({ ciphertext: `${ciphertext}=` })],
    ["ciphertext in base64 of MIME", "plus and slash", changed({ ciphertext: `+/${ciphertext.slice(2)}` })],
    ["ciphertext one over its limit", "27308 characters", changed({ ciphertext: "A".repeat(27308) })],
    ["enc of 31 bytes", "a key too short", changed({ enc: enc.slice(0, 42) })],
    ["enc of 33 bytes", "a key too long", changed({ enc: `${enc.slice(0, 42)}AA` })],
    ["enc with a bit flipped", "another point", changed({ enc: flip(enc, 3, 4) })],
    ["enc the recipient's own", "another point", changed({ enc: recipientPublic.toString("base64url") })],
    ["enc and ciphertext exchanged", "each the other's length", changed({ enc: ciphertext, ciphertext: enc })],
    ["sealed for /v1/keys", "another label", text(sealed(plaintext, { label: "keyveil/v1/grant/keys" }))],
    [
      "sealed under a label with more",
      "a label that only begins so",
      text(sealed(plaintext, { label: "keyveil/v1/grant/playx" })),
    ],
    ["sealed for no request", "another body", text(sealed(plaintext, { body: Buffer.alloc(0) }))],
    ["psk of zeros", "another build's secret", text(sealed(plaintext, { psk: Buffer.alloc(32) }))],
    ["psk id in capitals", "another build", text(sealed(plaintext, { pskId: "BUILD-1" }))],
    ["sealed by the recipient", "another sender", text(sealed(plaintext, { sender: x25519(recipientSeed) }))],
    ["grant version 0", "no version", text(sealed(Buffer.concat([uint(0, 1), plaintext.subarray(1)])))],
    ["grant version 255", "a later version", text(sealed(Buffer.concat([uint(255, 1), plaintext.subarray(1)])))],
    ["grant without counts", "ends after its expiry", text(sealed(grant()))],
    ["grant with half a count", "one byte of two", text(sealed(grant(uint(0, 1))))],
    [
      "257 period keys",
      "one more than may be",
      text(sealed(grant(uint(257, 2), ...Array(257).fill(entry), uint(0, 2)))),
    ],
    [
      "257 segment keys",
      "one more than may be",
      text(sealed(grant(uint(0, 2), uint(257, 2), ...Array(257).fill(segment)))),
    ],
    [
      "a key announced that does not come",
      "one more than there is",
      text(sealed(grant(uint(2, 2), entry, uint(1, 2), segment))),
    ],
    [
      "a key that was not announced",
      "one less than there is",
      text(sealed(grant(uint(0, 2), entry, uint(1, 2), segment))),
    ],
    ["class 4 in a grant", "no such class", text(sealed(grant(uint(1, 2), uint(4, 1), entry.subarray(1), uint(0, 2))))],
    ["a grant twice", "bytes behind it", text(sealed(Buffer.concat([plaintext, plaintext])))],
    ["server key of another id", "not pinned", changed({ serverKeyId: "server-2" }), "server_key_unknown"],
    ["server key id with a path", "no id", changed({ serverKeyId: "../server-1" }), "malformed_request"],
    ["an unknown field", "what is it for?", changed({ aad: "" }), "malformed_request"],
    ["enc absent", "a field is missing", changed({ enc: undefined }), "malformed_request"],
    ["ciphertext null", "no text", changed({ ciphertext: null }), "malformed_request"],
    ["enc given twice", "two keys", text(good).replace(/}$/, `,"enc":"${enc}"}`), "malformed_request"],
    ["an array of its fields", "no object", text(Object.values(good)), "malformed_request"],
  ];
  const hex = (buffer) => buffer.toString("hex");
  const context = {
    body,
    recipientSeed: hex(recipientSeed),
    serverPrivateKey: hex(serverPrivate),
    psk: hex(psk),
    pskId,
  };
  return group(context, text(good), rows("envelope_rejected", cases));
}

function segment() {
  const key = segmentKey(bytes(5, 32), 2, 31);
  const cbc = (clear) => encryptBlocks(key, clear).toString("hex");
  const block = (last, ...before) => Buffer.from([...Array(16 - before.length - 1).fill(7), ...before, last]);
  const good = cbc(block(1));
  const padding = (name, what, clear) => [name, what, cbc(clear)];
  const cases = [
    ["no bytes", "not even padding", ""],
    ["15 bytes", "less than a block", good.slice(0, 30)],
    ["17 bytes", "a block and one byte", `${good}00`],
    ["33 bytes", "two blocks and one byte", `${good}${good}00`],
    padding("padding 0", "at least one byte", block(0)),
    padding("padding 17", "more than a block", block(17)),
    padding("padding 255", "more than a block", block(255)),
    padding("padding 2 behind a 3", "its bytes differ", block(2, 3)),
    padding("padding 3 with a gap", "its bytes differ", block(3, 3, 4)),
    padding("padding 16 of 15", "its first byte differs", Buffer.from([7, ...Array(15).fill(16)])),
    padding("last block of zeros", "padding of another cipher", Buffer.alloc(16)),
    padding("a good block and none behind", "padding at the wrong end", Buffer.concat([block(1), Buffer.alloc(16)])),
  ];
  return group({ segmentKey: key.toString("hex") }, good, rows("segment_damaged", cases));
}

export function malformationVectors() {
  return {
    psign: psign(),
    keyTag: keyTag(),
    segmentRef: segmentRef(),
    envelope: envelope(),
    segment: segment(),
    ...requestMalformations(),
  };
}
