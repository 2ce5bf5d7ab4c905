// Malformations of what stands around requests: bodies, MACs, API keys, identifiers.
import { keysMac, respelled } from "./independent.mjs";

const rows = (code, cases) => cases.map(([name, what, input, other]) => ({ name, what, input, code: other ?? code }));
const publicKey = "ocOHHjbuWhAsnRvPRlHmyAHRfZcxp9eSwYSK4psu4Sk";

function keysOfBody(body) {
  const changed = (changes) => JSON.stringify({ ...body, ...changes });
  const text = changed({});
  const shared = [
    ["empty", "no body", ""],
    ["null", "no object", "null"],
    ["an array of its fields", "no object", JSON.stringify(Object.values(body))],
    ["two objects", "text behind the first", `${text}${text}`],
    ["cut", "its last byte is missing", text.slice(0, -1)],
    ["trailing comma", "JSON has none", text.replace(/}$/, ",}")],
    ["publicKey a number", "keys are texts", changed({ publicKey: 1 })],
    ["publicKey given twice", "two keys", text.replace(/}$/, `,"publicKey":"${publicKey}"}`)],
    ["publicKey of 31 bytes", "too short", changed({ publicKey: publicKey.slice(0, 42) }), "public_key_invalid"],
    ["publicKey of 33 bytes", "too long", changed({ publicKey: `${publicKey.slice(0, 42)}AA` }), "public_key_invalid"],
    [
      "publicKey padded",
      "base64url has no padding here",
      changed({ publicKey: `${publicKey}=` }),
      "public_key_invalid",
    ],
    [
      "publicKey with spare bits",
      "a second spelling",
      changed({ publicKey: respelled(publicKey) }),
      "public_key_invalid",
    ],
    ["publicKey in hex", "base64url, not hex", changed({ publicKey: "a1".repeat(32) }), "public_key_invalid"],
    ["positionMs negative", "below zero", changed({ positionMs: -1 })],
    ["positionMs a float", "whole milliseconds", text.replace('"positionMs":123000', '"positionMs":123000.0')],
    [
      "positionMs over 64 bits",
      "a huge number",
      text.replace('"positionMs":123000', '"positionMs":18446744073709551616'),
    ],
  ];
  return { changed, text, shared };
}

function play() {
  const { changed, text, shared } = keysOfBody({
    psign: "a.b.c",
    fileId: "film-1",
    publicKey,
    buildId: "build-1",
    positionMs: 123000,
    version: 1,
    level: "guarded",
    downgrade: "browser",
  });
  const cases = [
    ...shared,
    ["psign absent", "a field is missing", changed({ psign: undefined })],
    ["psign null", "no text", changed({ psign: null })],
    ["psign with a lone surrogate", "half a character", text.replace("a.b.c", "\\ud83d")],
    ["fileId with a path", "no file id", changed({ fileId: "../film" })],
    ["fileId empty", "no file id", changed({ fileId: "" })],
    ["buildId an object", "no text", changed({ buildId: {} })],
    ["version negative", "below zero", changed({ version: -1 })],
    ["version over 32 bits", "a huge number", changed({ version: 2 ** 32 })],
    ["level of a title", "what no player is", changed({ level: "standard" })],
    ["level without a reason", "guarded says why", changed({ downgrade: null })],
    ["sealed with a reason", "sealed has none", changed({ level: "sealed" })],
    ["level given twice", "two levels", text.replace(/}$/, ',"level":"sealed"}')],
    ["downgrade of the server", "what only the server says", changed({ downgrade: "old_player" })],
  ];
  return { original: text, malformations: rows("malformed_request", cases) };
}

function keys() {
  const body = { sessionId: "R05VXGNqcXh_ho2Um6KpsA", counter: 7, publicKey, period: 3, positionMs: 123000 };
  const { changed, text, shared } = keysOfBody(body);
  const cases = [
    ...shared,
    ["sessionId of 15 bytes", "too short", changed({ sessionId: "R05VXGNqcXh_ho2Um6Kp" })],
    ["sessionId of 17 bytes", "too long", changed({ sessionId: "R05VXGNqcXh_ho2Um6KpsAA" })],
    ["sessionId with spare bits", "a second spelling", changed({ sessionId: respelled(body.sessionId) })],
    ["sessionId in hex", "base64url, not hex", changed({ sessionId: "47".repeat(16) })],
    ["counter absent", "a field is missing", changed({ counter: undefined })],
    ["counter negative", "below zero", changed({ counter: -1 })],
    ["counter a text", "a number in quotes", changed({ counter: "7" })],
    ["counter given twice", "two counters", text.replace(/}$/, ',"counter":8}')],
    ["counter with an exponent", "a number written as a float", text.replace('"counter":7', '"counter":7e0')],
    ["period over 32 bits", "no period", changed({ period: 2 ** 32 })],
    ["period null", "no number", changed({ period: null })],
    ["psign a list", "no text", changed({ psign: ["a.b.c"] })],
  ];
  return { original: text, malformations: rows("malformed_request", cases) };
}

function mac() {
  const [macKey, body] = ["5b".repeat(32), '{"sessionId":"…","counter":1}'];
  const good = keysMac(Buffer.from(macKey, "hex"), Buffer.from(body));
  const raw = Buffer.from(good, "base64url");
  const cases = [
    ["of another body", "a space behind it", keysMac(Buffer.from(macKey, "hex"), Buffer.from(`${body} `))],
    ["under another key", "zeros", keysMac(Buffer.alloc(32), Buffer.from(body))],
    ["truncated to 16 bytes", "its first half", raw.subarray(0, 16).toString("base64url")],
    ["with a byte more", "33 bytes", Buffer.concat([raw, Buffer.from([0])]).toString("base64url")],
    ["in hex", "its text instead of its bytes", raw.toString("hex")],
    ["with a space behind", "a header's leftover", `${good} `],
    ["two of them", "a header given twice and joined", `${good}, ${good}`],
  ];
  return { macKey, body, original: good, malformations: rows("session_invalid", cases) };
}

function apiKey() {
  const secret = Buffer.alloc(32, 0x9d).toString("base64url");
  const cases = [
    ["no id", "a secret alone", `kv_${secret}`],
    ["secret of 31 bytes", "too short", `kv_a_${secret.slice(0, 42)}`],
    ["secret padded", "base64url has no padding here", `kv_a_${secret}=`],
    ["secret with spare bits", "a second spelling", `kv_a_${respelled(secret)}`],
    ["id with a path", "no id", `kv_../a_${secret}`],
    ["line break in front", "a file's leftover", `\nkv_a_${secret}`],
    ["Bearer in front", "an Authorization header's value", `Bearer kv_a_${secret}`],
  ];
  return { original: `kv_rack-7_${secret}`, malformations: rows("api_key_invalid", cases) };
}

function fileId() {
  const cases = [
    ["empty", "no letter", ""],
    ["a dot", "a folder", "."],
    ["with a version", "a folder of a later version", "film.2"],
    ["with a zero byte", "a C reader would stop there", "film\0"],
    ["with a line break", "two lines", "film\n"],
    ["percent-encoded", "a second spelling", "film%2d1"],
    ["a letter that looks like another", "Cyrillic", "fіlm"],
    ["over 64", "too long", "f".repeat(65)],
  ];
  return { original: "Film_1-a", malformations: rows("malformed_request", cases) };
}

function appId() {
  const cases = [
    ["zero", "from 1 on", "0"],
    ["over 53 bits", "not every JSON reader keeps it", "9007199254740992"],
    ["over 64 bits", "wraps around", "18446744073709551617"],
    ["with a sign", "a second spelling", "+1"],
    ["with a zero in front", "a second spelling", "01"],
    ["with a point", "a float", "1.0"],
    ["in other digits", "digits of another script", "١"],
  ];
  return { original: "9007199254740991", malformations: rows("malformed_request", cases) };
}

export function requestMalformations() {
  return { play: play(), keys: keys(), mac: mac(), apiKey: apiKey(), fileId: fileId(), appId: appId() };
}
