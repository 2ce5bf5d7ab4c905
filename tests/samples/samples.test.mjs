// Every sample of docs/samples, run as its reader would: what it signs is what it should be, and a key server takes it.
import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { run } from "../../scripts/lib/children.mjs";
import { Stack } from "../faults/lib/stack.mjs";
import { RUNTIMES } from "./lib/runtimes.mjs";

/** Nothing in it may break out of its claim, nor be lost on the way. */
const VIEWER = 'Zoë "7", \\ 名\u{1F600}","maxTrack":"UHD';
const TITLE = "film_1-a";
/** The one list of what a sample claims, beside title, application and times. */
const CLAIMS = { urlAccessInfo: { exper: 60 }, ghostWatermarkInfo: { text: VIEWER }, keyveil: { uid: VIEWER } };
const EXPIRES_IN_SECS = 2 * 3600;

let stack;
let signingKey;
let buildId;

before(async () => {
  stack = await Stack.start();
  signingKey = await stack.api.post("/v1/signing-keys");
  await publish();
  [buildId] = (await stack.keyServer("build", "list")).split(" ");
});

after(() => stack.stop());

/** A private title of 150 s, as a packager registers it; its media are not asked for here. */
async function publish() {
  const key = { publicKey: publicKey(), mode: "private" };
  await stack.api.call("PUT", `/v1/titles/${TITLE}`, { fileId: TITLE, name: "A film", ...key });
  const rendition = { rendition: 0, kind: "video", trackClass: "HD", name: "v720p", playlist: "v720p/playlist.m3u8" };
  const unknown = { language: null, width: null, height: null, bandwidth: null, codecs: null };
  await stack.api.post(`/v1/titles/${TITLE}/commit`, {
    ...{ publicKey: key.publicKey, durationMs: 150_000, container: "fmp4", cipher: "aes-128-cbc", segmentMs: 6000 },
    ...{ periodSegments: 5, segmentCount: 25, renditions: [{ ...rendition, ...unknown, segmentCount: 25 }] },
  });
}

function publicKey() {
  return generateKeyPairSync("x25519").publicKey.export({ format: "jwk" }).x;
}

/** What a sample prints for our viewer. */
async function psignOf({ command, args, env = {}, ...options }, more = {}) {
  const keys = {
    KEYVEIL_APP_ID: String(stack.appId),
    KEYVEIL_KID: signingKey.kid,
    KEYVEIL_SIGNING_KEY: signingKey.text,
  };
  const environment = { LANG: "C.UTF-8", LC_ALL: "C.UTF-8", ...keys, ...env, ...more };
  const printed = await run(command, [...args, TITLE, VIEWER], { ...options, env: environment });
  const psign = printed.trim();
  assert.match(psign, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  return psign;
}

function decoded(psign) {
  const [header, claims] = psign.split(".").map((part) => Buffer.from(part, "base64url").toString());
  return { header: JSON.parse(header), claims: JSON.parse(claims) };
}

const decode = (psign) => stack.api.post("/v1/player-signatures/decode", { psign });
const play = (psign) => stack.api.ask("POST", "/v1/play", { psign, publicKey: publicKey(), buildId });

for (const { name, prepare } of RUNTIMES) {
  test(`${name} signs what the server takes`, async (t) => {
    const { lacking, ...sample } = await prepare(stack.folder);
    if (lacking) return t.skip(`${name}: ${lacking} is not here`);
    const began = Math.floor(Date.now() / 1000);
    const psign = await psignOf(sample);

    await t.test("by our own check", () => {
      const [input, mac] = [psign.slice(0, psign.lastIndexOf(".")), psign.slice(psign.lastIndexOf(".") + 1)];
      assert.equal(createHmac("sha256", signingKey.text).update(input).digest("base64url"), mac);
      const { header, claims } = decoded(psign);
      assert.deepEqual(header, { alg: "HS256", typ: "JWT", kid: signingKey.kid });
      const { currentTimeStamp, expireTimeStamp, ...others } = claims;
      assert.deepEqual(others, { appId: stack.appId, fileId: TITLE, ...CLAIMS });
      assert.ok(currentTimeStamp >= began && currentTimeStamp <= Math.floor(Date.now() / 1000));
      assert.equal(expireTimeStamp, currentTimeStamp + EXPIRES_IN_SECS);
    });

    await t.test("by a key server", async () => {
      const verdict = await decode(psign);
      assert.deepEqual([verdict.valid, verdict.code, verdict.kid], [true, null, signingKey.kid]);
      const answer = await play(psign);
      assert.equal(answer.status, 200, `${answer.bytes}`);
      assert.equal(answer.json().watermark, VIEWER);
      assert.equal(answer.json().preview.endMs, CLAIMS.urlAccessInfo.exper * 1000);
      const { sessions } = await stack.api.get("/v1/sessions?limit=1");
      assert.equal(sessions[0].uid, VIEWER);
    });

    await t.test("and with another key, or altered, it is refused", async () => {
      const other = await psignOf(sample, { KEYVEIL_SIGNING_KEY: randomBytes(32).toString("base64url") });
      assert.equal((await decode(other)).code, "psign_signature");
      const [header, , mac] = psign.split(".");
      const claims = Buffer.from(JSON.stringify({ ...decoded(psign).claims, keyveil: {} })).toString("base64url");
      assert.equal((await play(`${header}.${claims}.${mac}`)).json().error.code, "psign_signature");
    });
  });
}
