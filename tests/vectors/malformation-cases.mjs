// Malformations by name: for each kind of input one that is well formed, and each way to break it that we know of.
import { encryptBlocks, seal, sealChunk, sealSegment, segmentKey, x25519, x25519FromBytes } from "./independent.mjs";
import { malformedPsigns } from "./malformed-psigns.mjs";
import { requestMalformations } from "./malformed-requests.mjs";

const bytes = (first, length) => Buffer.from(Array.from({ length }, (_, i) => (first + i * 11) & 255));
const rows = (code, cases) => cases.map(([name, what, input, other]) => ({ name, what, input, code: other ?? code }));
const group = (context, original, malformations) => ({ ...context, original, malformations });

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
    ["cipher of another length", "no such cipher", good.replace("aes-128-cbc", "aes-256-cbc")],
    ["two ciphers", "a list of ciphers", good.replace("aes-128-cbc", "aes-128-cbc,chacha20-poly1305")],
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
    ["the first cipher by its name", "a second spelling", `${good}/aes-128-cbc`],
    ["a cipher in capitals", "names have one spelling", `${good}/ChaCha20-Poly1305`],
    ["a cipher twice", "a part more", `${good}/chacha20-poly1305/chacha20-poly1305`],
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
  const segment = Buffer.concat([uint(1, 2), uint(20, 4), uint(1, 1), bytes(63, 32)]);
  const begin = Buffer.concat([uint(3, 1), bytes(71, 16), bytes(72, 32), uint(2_000_000_000, 8)]);
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
    [
      "cipher 2 in a grant",
      "no such cipher",
      text(sealed(grant(uint(0, 2), uint(1, 2), segment.subarray(0, 6), uint(2, 1), segment.subarray(7)))),
    ],
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

function chunkedSegment() {
  const key = segmentKey(bytes(5, 32), 2, 31, "chacha20-poly1305");
  const clear = Buffer.from("clear media");
  const good = sealSegment(key, clear);
  const bit = (at) => {
    const other = Buffer.from(good);
    other[at] ^= 128;
    return other;
  };
  const sealed = (number, isLast, text = clear) => sealChunk(key, number, isLast, text);
  const of = (...place) => sealSegment(segmentKey(bytes(5, 32), ...place), clear);
  const cases = [
    ["no bytes", "an empty segment has a tag", Buffer.alloc(0)],
    ["15 bytes", "less than a tag", good.subarray(0, 15)],
    ["the last bit", "altered", bit(good.length - 1)],
    ["the first bit", "altered", bit(0)],
    ["a byte of the end", "cut", good.subarray(0, -1)],
    ["a byte of the beginning", "cut", good.subarray(1)],
    ["a byte behind", "extended", Buffer.concat([good, Buffer.alloc(1)])],
    ["an empty chunk behind", "extended", Buffer.concat([good, sealed(1, true, Buffer.alloc(0))])],
    ["the chunk before the last", "the last is missing", sealed(0, false)],
    ["the second chunk", "the first is missing", sealed(1, true)],
    ["another rendition's", "another key", of(3, 31, "chacha20-poly1305")],
    ["another segment's", "another key", of(2, 32, "chacha20-poly1305")],
    ["another label's", "the key of another cipher", of(2, 31, "aes-128-cbc")],
  ].map(([name, what, input]) => [name, what, input.toString("hex")]);
  return group({ segmentKey: key.toString("hex") }, good.toString("hex"), rows("segment_damaged", cases));
}

export function malformationVectors() {
  return {
    psign: malformedPsigns(),
    keyTag: keyTag(),
    segmentRef: segmentRef(),
    envelope: envelope(),
    segment: segment(),
    chunkedSegment: chunkedSegment(),
    ...requestMalformations(),
  };
}
