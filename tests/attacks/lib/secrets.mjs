// Every secret that an attacker may be after, from what `reveal` reads out of the data folder and from the exchanges that were captured.
//
// Of the two Diffie-Hellman secrets of an exchange, that of the server's static key and the player's ephemeral one is known here from
// the request alone. The other, of two ephemeral keys, nobody knows who has only the data folder and the traffic: with the random
// bytes that the player's key was made from (`seeds`, which an attack inside the worker may see), it is known here, too.
import { hkdfSync } from "node:crypto";
import { secretsOf } from "../../e2e/lib/search.mjs";
import {
  dh,
  grantInfo,
  hpkeContext,
  keysMac,
  open,
  standardKey,
  x25519,
  x25519FromBytes,
} from "../../vectors/independent.mjs";

const bytes = (hex) => Buffer.from(hex, "hex");
const secret = (name, value) => ({ name, hex: Buffer.from(value).toString("hex") });
const derived = (ikm, ...info) => Buffer.from(hkdfSync("sha256", ikm, Buffer.alloc(0), Buffer.concat(info), 32));
const label = (text) => Buffer.from(text, "utf8");

/** Title secret, period keys, segment keys; build secrets and what else the installation keeps to itself. */
export function secretsOfTitle(keys) {
  const { secret: root, builds, serverKeys } = keys.installation;
  return [
    ...secretsOf(keys),
    { name: "installation secret", hex: root },
    secret("session MAC root", sessionMacRoot(root)),
    ...builds.map(({ id, secret }) => ({ name: `build secret ${id}`, hex: secret })),
    ...serverKeys.map(({ id, privateKey }) => ({ name: `server private key ${id}`, hex: privateKey })),
  ];
}

/** The keys that plain players get of a standard title: what the controls leak. */
export const standardSecrets = (keys) => [
  ...new Map(
    keys.periodKeys.map((one) => {
      const found = secret(`standard key ${one.trackClass} ${one.period}`, standardKey(bytes(one.key)));
      return [found.hex, found];
    }),
  ).values(),
];

const sessionMacRoot = (root) => derived(bytes(root), label("keyveil/v1/installation/session-mac-root"));

export function sessionMacKey(keys, sessionId) {
  const info = [label("keyveil/v1/session-mac\0"), Buffer.from(sessionId, "base64url")];
  return derived(sessionMacRoot(keys.installation.secret), ...info);
}

/**
 * What the sessions of a capture add: their MAC keys and the shared secrets of each exchange. `exchanges` is
 * [{ path: "/v1/play"|"/v1/keys", request, mac, response }] in the order of the capture, bodies as text.
 * Throws where a derivation here is not the server's: a search for a wrong secret would find nothing, and prove nothing.
 */
export function secretsOfExchanges(keys, exchanges, seeds = []) {
  const pairs = seeds.map((seed) => ({ seed, ...x25519(seed) }));
  return exchanges.flatMap((exchange, number) => {
    const request = JSON.parse(exchange.request);
    const recipientPublic = Buffer.from(request.publicKey, "base64url");
    const statics = keys.installation.serverKeys.map(({ id, privateKey }) => {
      const { privateKey: key } = x25519FromBytes(bytes(privateKey));
      return secret(`DH secret ${number} of server key ${id}`, dh(key, recipientPublic));
    });
    const pair = pairs.find(({ publicBytes }) => publicBytes.equals(recipientPublic));
    return [
      ...statics,
      ...sessionSecret(keys, exchange, request),
      ...(pair ? secretsOfPair(keys, exchange, number, pair) : []),
    ];
  });
}

function sessionSecret(keys, { path, request: body, mac, response }, request) {
  if (path === "/v1/play") {
    const { id } = JSON.parse(response).session;
    return [secret(`session MAC key ${id}`, sessionMacKey(keys, id))];
  }
  if (keysMac(sessionMacKey(keys, request.sessionId), body) !== mac)
    throw new Error("the session's MAC key is not derived here as the server derives it");
  return [];
}

function secretsOfPair(keys, { path, request, response }, number, { seed, privateKey, publicBytes }) {
  const { grant } = JSON.parse(response);
  const sender = keys.installation.serverKeys.find(({ id }) => id === grant.serverKeyId);
  const { buildId = keys.installation.builds[0].id } = JSON.parse(request);
  const psk = bytes(keys.installation.builds.find(({ id }) => id === buildId).secret);
  const senderPublic = bytes(sender.publicKey);
  const grantLabel = path === "/v1/play" ? "keyveil/v1/grant/play" : "keyveil/v1/grant/keys";
  const recipient = { privateKey, publicBytes };
  const opening = { label: grantLabel, body: request, recipient, senderPublic, psk, pskId: buildId, envelope: grant };
  // Throws unless all of it is right.
  open(opening);
  const enc = Buffer.from(grant.enc, "base64url");
  const dhs = [dh(privateKey, enc), dh(privateKey, senderPublic)];
  const info = grantInfo(grantLabel, request);
  const context = {
    dhs: Buffer.concat(dhs),
    enc,
    recipientPublic: publicBytes,
    senderPublic,
    info,
    psk,
    pskId: buildId,
  };
  const { shared, key } = hpkeContext(context);
  return [
    secret(`exchange seed ${number}`, seed),
    secret(`exchange private key ${number}`, Buffer.from(privateKey.export({ format: "jwk" }).d, "base64url")),
    secret(`ephemeral DH secret ${number}`, dhs[0]),
    secret(`HPKE shared secret ${number}`, shared),
    secret(`HPKE key ${number}`, key),
  ];
}

/** How many of each kind: names without their numbers. */
export function kindsOf(secrets) {
  const kinds = {};
  for (const { name } of secrets) {
    const [kind] = name.match(/^[A-Za-z ]+?(?= (?:AUDIO|SD|HD|UHD|of|\S*\d)|$)/) ?? [name];
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}
