// What may not stand in the decryptor's memory, in each form in which it would serve a thief.
import { createHmac, diffieHellman } from "node:crypto";
import { Needles } from "../../e2e/lib/search.mjs";
import * as own from "../../vectors/independent.mjs";
import { inverseMixed, roundKeys } from "./aes-schedule.mjs";
import * as server from "./forged-server.mjs";

const xored = (key, byte) => Buffer.from(key.map((each) => each ^ byte));
/** HKDF's first half: as good as the key it was made of. */
const pseudoRandomKey = (key) => createHmac("sha256", Buffer.alloc(32)).update(key).digest();

/** RFC 2104 begins by these two; SHA-256 reads either as words of the other byte order. */
const inHmac = (name, key) => [
  { name, key },
  { name: `${name} ^ ipad`, key: xored(key, 0x36) },
  { name: `${name} ^ opad`, key: xored(key, 0x5c) },
];

function schedule(name, key) {
  const rounds = roundKeys(key);
  return [
    ...rounds.map((each, at) => ({ name: `${name} round key ${at + 1}`, key: each })),
    ...rounds
      .slice(0, -1)
      .map((each, at) => ({ name: `${name} inverse round key ${at + 1}`, key: inverseMixed(each) })),
  ];
}

/** Of the title: whatever is in the grants, and what is derived from it. */
export function titleSecrets(places) {
  const periods = [...new Set(places.map(([, period]) => period))];
  return [
    { name: "title secret", key: server.TITLE_SECRET },
    { name: "build secret", key: server.BUILD_SECRET },
    ...inHmac("session MAC key", server.MAC_KEY),
    ...periods.flatMap((period) =>
      ["AUDIO", "HD"].flatMap((trackClass) => {
        const key = server.periodKey(trackClass, period);
        const name = `${trackClass} key of period ${period}`;
        return [{ name, key }, ...inHmac(`${name}, extracted`, pseudoRandomKey(key))];
      }),
    ),
    ...places.flatMap(([segment, period]) => {
      const key = server.segmentKey(segment, period).subarray(0, 16);
      const chunked = server.segmentKey(segment, period, server.CHUNKED);
      return [
        { name: `key of segment ${segment}`, key },
        ...schedule(`segment ${segment}`, key),
        { name: `first half of the key of segment ${segment} in chunks`, key: chunked.subarray(0, 16) },
        { name: `second half of the key of segment ${segment} in chunks`, key: chunked.subarray(16) },
      ];
    }),
  ];
}

/** Of one exchange, whose private key comes from that seed. */
export function exchangeSecrets(seed, enc) {
  const { privateKey } = own.x25519(seed);
  const shared = (publicKey) => diffieHellman({ privateKey, publicKey: own.x25519PublicKey(publicKey) });
  return [
    { name: "seed of the exchange", key: seed },
    { name: "private key", key: privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32) },
    { name: "DH with the ephemeral key", key: shared(Buffer.from(enc, "base64url")) },
    { name: "DH with the server key", key: shared(server.SERVER.publicBytes) },
  ];
}

/** A search for `secrets` in a memory: names of what stands there, with the form it has. */
export function searchFor(secrets) {
  const needles = new Needles(secrets.map(({ name, key }) => ({ name, hex: key.toString("hex") })));
  return (memory) => needles.find(Buffer.from(memory.buffer)).map(({ name, form }) => `${name}, ${form}`);
}
