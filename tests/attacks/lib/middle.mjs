// A man in the middle between player and key server, who has everything but the server's private key: the secrets of the SDK build, of
// the title and of the session. He makes envelopes by the independent implementation of the protocol.
import { randomBytes } from "node:crypto";
import { keysPlaintext, playPlaintext, seal, x25519, x25519FromBytes } from "../../vectors/independent.mjs";
import { sessionMacKey } from "./secrets.mjs";

const hex = (bytes) => Buffer.from(bytes).toString("hex");

/** A key pair of his own. */
export const ownSender = () => x25519(randomBytes(32));

/** The server's: what he does not have. Sealed by it, his envelopes must open, or it proves nothing that the others don't. */
export const serverSender = (keys, id) =>
  x25519FromBytes(Buffer.from(keys.installation.serverKeys.find((one) => one.id === id).privateKey, "hex"));

/** An envelope in place of `answer`'s, for the exact request, with the same keys in it. */
export function forged(keys, request, answer, { sender, serverKeyId = answer.grant.serverKeyId }) {
  const asked = JSON.parse(request);
  const isPlay = asked.psign !== undefined && asked.sessionId === undefined;
  const sessionId = isPlay ? answer.session.id : asked.sessionId;
  const first = isPlay ? 0 : asked.period;
  const grant = {
    sessionId: hex(Buffer.from(sessionId, "base64url")),
    macKey: hex(sessionMacKey(keys, sessionId)),
    expiresAt: answer.session.expiresAt,
    keys: keys.periodKeys.filter(({ period }) => period === first || period === first + 1),
    segmentKeys: [],
  };
  // A request for keys does not name its build: there is one in a fresh installation.
  const build = keys.installation.builds.find(({ id }) => id === asked.buildId) ?? keys.installation.builds[0];
  const envelope = seal({
    label: `keyveil/v1/grant/${isPlay ? "play" : "keys"}`,
    body: request,
    recipientPublic: Buffer.from(asked.publicKey, "base64url"),
    ephemeral: ownSender(),
    sender,
    psk: Buffer.from(build.secret, "hex"),
    pskId: build.id,
    plaintext: isPlay ? playPlaintext(grant) : keysPlaintext(grant),
  });
  return { serverKeyId, ...envelope };
}

/** One bit of the ciphertext. */
export function altered({ ciphertext, ...envelope }) {
  const bytes = Buffer.from(ciphertext, "base64url");
  bytes[bytes.length >> 1] ^= 1;
  return { ...envelope, ciphertext: bytes.toString("base64url") };
}

/** Answers `path` (`/v1/play`, `/v1/keys`) with `change(request, answer)` in place of the envelope. */
export async function standBetween(context, path, change) {
  await context.route(`**${path}`, async (route) => {
    const request = route.request().postData();
    const response = await route.fetch();
    const answer = await response.json();
    if (answer.grant) answer.grant = await change(request, answer);
    await route.fulfill({ response, json: answer });
  });
}
