// Player signatures: what is accepted, and one named case for each way to be refused.
import { createHmac } from "node:crypto";
import { respelled, sign } from "./independent.mjs";

const signingKey = "a-signing-key-shared-with-the-customer";
const now = 1_800_000_000;
const header = { alg: "HS256", typ: "JWT" };
const claims = { appId: 1500001234, fileId: "film-1", currentTimeStamp: now - 10, expireTimeStamp: now + 3600 };
const part = (json) => Buffer.from(JSON.stringify(json)).toString("base64url");
const signed = (changes, head = header, key = signingKey) => sign(head, { ...claims, ...changes }, key);
const without = (name) => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));

function rs256() {
  // Its signature is never looked at: the algorithm alone refuses it. So fixed bytes stand in for one.
  return `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.${Buffer.alloc(256, 7).toString("base64url")}`;
}

function valid() {
  const vendor = {
    contentInfo: {
      audioVideoType: "ProtectedAdaptive",
      drmAdaptiveInfo: { privateEncryptionDefinition: 12 },
      imageSpriteDefinition: 10,
      resolutionNames: [
        { minEdgeLength: 720, name: "HD" },
        { MinEdgeLength: 1080, Name: "Full HD" },
      ],
    },
    urlAccessInfo: { t: (now + 600).toString(16), us: "72d4cd1101", scheme: "HTTPS", domain: "a.example b.example" },
    ghostWatermarkInfo: { text: "viewer 7" },
    drmLicenseInfo: { expireTimeStamp: now + 900, persistent: "OFF", forceL1TrackTypes: ["AUDIO"] },
  };
  return [
    { name: "required claims", psign: signed({}), expiresAt: now + 3600 },
    { name: "every vendor claim", psign: signed(vendor), expiresAt: now + 600 },
    {
      name: "keys that end first",
      psign: signed({ drmLicenseInfo: { expireTimeStamp: now + 60 } }),
      expiresAt: now + 60,
    },
    { name: "t left empty", psign: signed({ urlAccessInfo: { t: "" } }), expiresAt: now + 3600 },
    { name: "kid", psign: signed({}, { ...header, kid: "k2" }), kid: "k2", expiresAt: now + 3600 },
    { name: "unknown header field", psign: signed({}, { ...header, cty: "x" }), expiresAt: now + 3600 },
    { name: "upper-case t", psign: signed({ urlAccessInfo: { t: "6B49E010" } }), expiresAt: now + 3600 },
    { name: "no typ", psign: signed({}, { alg: "HS256" }), expiresAt: now + 3600 },
    { name: "unknown claim", psign: signed({ colour: "blue" }), expiresAt: now + 3600 },
    {
      name: "no expiry means the app's maximum age",
      psign: sign(header, without("expireTimeStamp"), signingKey),
      expiresAt: now - 10 + 86400,
    },
    {
      name: "expiry beyond the maximum age is capped",
      psign: signed({ expireTimeStamp: 2147483647 }),
      expiresAt: now - 10 + 86400,
    },
    { name: "clock 60 s ahead", psign: signed({ currentTimeStamp: now + 60 }), expiresAt: now + 3600 },
    {
      name: "own claims",
      psign: signed({ keyveil: { uid: "viewer-7", maxTrack: "SD", domains: ["a.example"] } }),
      expiresAt: now + 3600,
      uid: "viewer-7",
      maxTrack: "SD",
    },
    ...limits(),
  ];
}

function limits() {
  const limited = (name, changes, limits) => ({ name, psign: signed(changes), expiresAt: now + 3600, limits });
  const ranges = ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"];
  return [
    limited("preview", { urlAccessInfo: { exper: 30 } }, { previewSecs: 30 }),
    limited("longest preview", { urlAccessInfo: { exper: 2 ** 31 } }, { previewSecs: 2 ** 31 }),
    limited("no preview, no address limit, no mark", { urlAccessInfo: { exper: 0, rlimit: 0, us: "" } }, {}),
    limited("address limit", { urlAccessInfo: { rlimit: 9 } }, { addressLimit: 9 }),
    limited("mark", { urlAccessInfo: { us: "Az_-09".padEnd(64, "x") } }, { us: "Az_-09".padEnd(64, "x") }),
    limited("session limit", { keyveil: { uid: "viewer-7", sessions: 100 } }, { sessions: 100 }),
    limited("single use", { keyveil: { once: true } }, { once: true }),
    limited("any number of uses", { keyveil: { once: false } }, {}),
    limited("addresses", { keyveil: { ip: ranges } }, { ip: ranges }),
    limited("least level", { keyveil: { minLevel: "sealed" } }, { minLevel: "sealed", belowMinLevel: "refuse" }),
    limited(
      "track class below the least level",
      { keyveil: { minLevel: "guarded", belowMinLevel: "SD" } },
      { minLevel: "guarded", belowMinLevel: "SD" },
    ),
    limited("any level", { keyveil: { minLevel: "standard", belowMinLevel: "refuse" } }, {}),
    limited("a mapped address", { keyveil: { ip: ["::ffff:192.0.2.1"] } }, { ip: ["192.0.2.1"] }),
  ].map((entry) => (entry.limits.sessions ? { ...entry, uid: "viewer-7" } : entry));
}

const bothSpellings = { minEdgeLength: 720, MinEdgeLength: 720, name: "HD" };
const resigned = (input) => `${input}.${createHmac("sha256", signingKey).update(input).digest("base64url")}`;
const withTime = (time) => JSON.stringify(claims).replace(String(claims.currentTimeStamp), time);
const nested = `${JSON.stringify(claims).slice(0, -1)},"keyveil":{"once":${"[".repeat(400)}${"]".repeat(400)}}}`;

function malformed() {
  const good = signed({});
  const [head, body, mac] = good.split(".");
  return [
    ["empty", ""],
    ["one part", head],
    ["two parts", `${head}.${body}`],
    ["four parts", `${good}.${mac}`],
    ["padded base64", `${head}.${body}.${mac}=`],
    ["signature with a second spelling", `${head}.${body}.${respelled(mac)}`],
    ["header with a second spelling", resigned(`${respelled(part({ alg: "HS256", kid: "k" }))}.${body}`)],
    ["standard base64 alphabet", `${head}.${body}+.${mac}`],
    ["header no JSON", sign("{", claims, signingKey)],
    ["header an array", sign([], claims, signingKey)],
    ["header an array of its fields", sign(["HS256", "JWT", null], claims, signingKey)],
    ["alg given twice", sign('{"alg":"none","alg":"HS256"}', claims, signingKey)],
    ["alg no text", signed({}, { alg: ["HS256"] })],
    ["critical header field", signed({}, { ...header, crit: ["exp"], exp: 1 })],
    ["unencoded payload", signed({}, { ...header, crit: ["b64"], b64: false })],
    ["crit null", signed({}, { ...header, crit: null })],
    ["other typ", signed({}, { alg: "HS256", typ: "JWE" })],
    ["kid with a path", signed({}, { ...header, kid: "../k" })],
    ["claims no JSON", sign(header, "nonsense", signingKey)],
    ["claims an array", sign(header, [1], signingKey)],
    ["claims an array of their fields", sign(header, Object.values(claims), signingKey)],
    ["text after the claims", sign(header, `${JSON.stringify(claims)}{}`, signingKey)],
    ["claims not UTF-8", resigned(`${head}.${Buffer.from('{"fileId":"\xff"}', "latin1").toString("base64url")}`)],
    ["claims nested too deeply", sign(header, nested, signingKey)],
    ["appId missing", sign(header, without("appId"), signingKey)],
    ["appId a text", signed({ appId: "1500001234" })],
    ["appId zero", signed({ appId: 0 })],
    ["appId over 53 bits", signed({ appId: 2 ** 53 })],
    ["appId negative", signed({ appId: -1 })],
    ["fileId missing", sign(header, without("fileId"), signingKey)],
    ["fileId with a path", signed({ fileId: "../film" })],
    ["fileId empty", signed({ fileId: "" })],
    ["fileId over 64", signed({ fileId: "a".repeat(65) })],
    ["currentTimeStamp missing", sign(header, without("currentTimeStamp"), signingKey)],
    ["currentTimeStamp fractional", signed({ currentTimeStamp: 1.5 })],
    ["currentTimeStamp with an exponent", sign(header, withTime("18e8"), signingKey)],
    ["currentTimeStamp a float", sign(header, withTime("1799999990.0"), signingKey)],
    ["currentTimeStamp negative", signed({ currentTimeStamp: -1 })],
    ["currentTimeStamp over 64 bits", sign(header, withTime("18446744073709551616"), signingKey)],
    ["expireTimeStamp a text", signed({ expireTimeStamp: "never" })],
    ["claim given twice", sign(header, `${JSON.stringify(claims).slice(0, -1)},"fileId":"film-2"}`, signingKey)],
    ["t not hexadecimal", signed({ urlAccessInfo: { t: "xyz" } })],
    ["t with a sign", signed({ urlAccessInfo: { t: "+6b49d200" } })],
    ["t over 64 bits", signed({ urlAccessInfo: { t: "10000000000000000" } })],
    ["end of keys a text", signed({ drmLicenseInfo: { expireTimeStamp: "1800003600" } })],
    ["resolution name with both spellings", signed({ contentInfo: { resolutionNames: [bothSpellings] } })],
    ["uid over 128", signed({ keyveil: { uid: "u".repeat(129) } })],
    ["unknown track class", signed({ keyveil: { maxTrack: "8K" } })],
    ["33 domains", signed({ keyveil: { domains: Array.from({ length: 33 }, (_, i) => `d${i}.example`) } })],
    ["watermark over 128", signed({ ghostWatermarkInfo: { text: "w".repeat(129) } })],
    [
      "17 resolution names",
      signed({
        contentInfo: { resolutionNames: Array.from({ length: 17 }, (_, i) => ({ minEdgeLength: i, name: "n" })) },
      }),
    ],
    ["preview over 2^31", signed({ urlAccessInfo: { exper: 2 ** 31 + 1 } })],
    ["preview negative", signed({ urlAccessInfo: { exper: -1 } })],
    ["preview a text", signed({ urlAccessInfo: { exper: "30" } })],
    ["address limit over 9", signed({ urlAccessInfo: { rlimit: 10 } })],
    ["address limit fractional", signed({ urlAccessInfo: { rlimit: 1.5 } })],
    ["mark over 64", signed({ urlAccessInfo: { us: "u".repeat(65) } })],
    ["mark with a space", signed({ urlAccessInfo: { us: "a b" } })],
    ["no session", signed({ keyveil: { uid: "viewer-7", sessions: 0 } })],
    ["101 sessions", signed({ keyveil: { uid: "viewer-7", sessions: 101 } })],
    ["session limit of nobody", signed({ keyveil: { sessions: 1 } })],
    ["single use a number", signed({ keyveil: { once: 1 } })],
    ["address no list", signed({ keyveil: { ip: "192.0.2.1" } })],
    ["no address", signed({ keyveil: { ip: [] } })],
    ["17 addresses", signed({ keyveil: { ip: Array.from({ length: 17 }, (_, i) => `192.0.2.${i}`) } })],
    ["address a host name", signed({ keyveil: { ip: ["localhost"] } })],
    ["address range too narrow", signed({ keyveil: { ip: ["192.0.2.0/33"] } })],
    ["unknown level", signed({ keyveil: { minLevel: "hardware" } })],
    ["level a number", signed({ keyveil: { minLevel: 2 } })],
    ["unknown outcome", signed({ keyveil: { minLevel: "sealed", belowMinLevel: "8K" } })],
    ["outcome in another spelling", signed({ keyveil: { minLevel: "sealed", belowMinLevel: "REFUSE" } })],
    ["outcome without a level", signed({ keyveil: { belowMinLevel: "refuse" } })],
    ["over 4096 bytes", signed({ padding: "p".repeat(4096) })],
  ].map(([name, psign]) => ({ name, psign, code: "psign_malformed" }));
}

function refused() {
  const none = `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`;
  const noneSigned = signed({}, { alg: "none", typ: "JWT" });
  const hs512 = `${part({ alg: "HS512", typ: "JWT" })}.${part(claims)}`;
  const good = signed({});
  const other = signed({ fileId: "film-2" });
  return [
    ["alg none", none, "psign_algorithm"],
    ["alg none with an HMAC", noneSigned, "psign_algorithm"],
    ["alg RS256", rs256(), "psign_algorithm"],
    ["alg HS512", `${hs512}.${createHmac("sha512", signingKey).update(hs512).digest("base64url")}`, "psign_algorithm"],
    ["alg in lower case", signed({}, { alg: "hs256", typ: "JWT" }), "psign_algorithm"],
    ["wrong key", signed({}, header, "another-key"), "psign_signature"],
    ["empty key", signed({}, header, ""), "psign_signature"],
    [
      "signature of other claims",
      `${good.slice(0, good.lastIndexOf("."))}${other.slice(other.lastIndexOf("."))}`,
      "psign_signature",
    ],
    ["signature empty", good.slice(0, good.lastIndexOf(".") + 1), "psign_signature"],
    ["signature cut", good.slice(0, -3), "psign_signature"],
    ["expired", signed({ expireTimeStamp: now }), "psign_expired"],
    ["media ended", signed({ urlAccessInfo: { t: now.toString(16) } }), "psign_expired"],
    ["expired before it was signed", signed({ expireTimeStamp: now - 20 }), "psign_expired"],
    ["older than the maximum age", signed({ currentTimeStamp: now - 86400 }), "psign_expired"],
    ["from the future", signed({ currentTimeStamp: now + 61 }), "psign_from_future"],
    ["for another file", other, "psign_other_title"],
    ["for a clear stream", signed({ contentInfo: { audioVideoType: "RawAdaptive" } }), "psign_content_type"],
    ["for an unknown stream", signed({ contentInfo: { audioVideoType: "Original" } }), "psign_content_type"],
  ].map(([name, psign, code]) => ({ name, psign, code }));
}

export function psignVectors() {
  return {
    signingKey,
    now,
    maxAgeSecs: 86400,
    appId: claims.appId,
    fileId: claims.fileId,
    valid: valid(),
    refused: [...malformed(), ...refused()],
  };
}
