// Malformed player signatures, by name.
import { createHmac } from "node:crypto";
import { respelled, sign } from "./independent.mjs";

const rows = (code, cases) => cases.map(([name, what, input, other]) => ({ name, what, input, code: other ?? code }));

export function malformedPsigns() {
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
  return { ...context, original: good, malformations: rows("psign_malformed", cases) };
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
