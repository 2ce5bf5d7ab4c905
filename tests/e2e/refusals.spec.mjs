// What the player page says when it may not play: a stable code, a sentence, and never a picture.
import { sharedClip } from "./lib/clips.mjs";
import { start } from "./lib/installation.mjs";
import { atLevel, expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

let keyveil;
let fileId;
let appId;
let psign;

const fragment = (playerUrl) => new URLSearchParams(new URL(playerUrl).hash.slice(1));
const page_ = (file, signature) => `${keyveil.origin}/player/#file=${file}&psign=${signature}`;

function sign(...args) {
  return keyveil.keyServer("sign", "--app", String(appId), ...args).trim();
}

/** The same claims under another header or signature. */
function forge(token, { header, claims }) {
  const [oldHeader, oldClaims, mac] = token.split(".");
  const change = (part, changes) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(part, "base64url")), ...changes })).toString("base64url");
  return `${change(oldHeader, header)}.${change(oldClaims, claims)}.${mac}`;
}

test.beforeAll(async () => {
  test.setTimeout(900_000);
  keyveil = await start(sharedClip("mp4", { secs: 24 }));
  psign = fragment(keyveil.playerUrl).get("psign");
  fileId = fragment(keyveil.playerUrl).get("file");
  appId = JSON.parse(Buffer.from(psign.split(".")[1], "base64url")).appId;
});

test.afterAll(async () => {
  await keyveil?.stop();
});

/** Opens the page, waits for its failure and returns the code. Nothing may have been shown by then. */
async function refusal(page, url) {
  await page.goto(atLevel(url));
  const failure = page.locator("[data-code]").first();
  await expect(failure).toBeVisible({ timeout: 60_000 });
  expect((await failure.textContent()).trim().length, "says what to do").toBeGreaterThan(20);
  const video = page.locator("keyveil-player video");
  if (await video.count()) expect(await video.evaluate((element) => element.videoWidth)).toBe(0);
  return failure.getAttribute("data-code");
}

const SIGNATURES = {
  psign_malformed: () => "not-a-signature",
  psign_algorithm: () => forge(psign, { header: { alg: "none" } }),
  psign_signature: () => forge(psign, { claims: { expireTimeStamp: 2_000_000_000 } }),
};

for (const [code, signature] of Object.entries(SIGNATURES)) {
  test(`${code}`, async ({ page }) => {
    expect(await refusal(page, page_(fileId, signature()))).toBe(code);
  });
}

test("psign_expired", async ({ page }) => {
  const short = sign("--file", fileId, "--expires-in", "1s");
  await page.waitForTimeout(2_100);
  expect(await refusal(page, page_(fileId, short))).toBe("psign_expired");
});

test("psign_other_title", async ({ page }) => {
  expect(await refusal(page, page_("another-title", psign))).toBe("psign_other_title");
});

/** Lets the page ask for real and alters what goes over the wire. */
async function alterPlay(page, change) {
  await page.context().route("**/v1/play", async (route) => {
    const { request = (body) => body, response = (body) => body } = change;
    const answer = await route.fetch({ postData: JSON.stringify(request(route.request().postDataJSON())) });
    const body = await answer.json();
    await route.fulfill({ response: answer, json: response(body) });
  });
}

test("build_unknown: a player of another installation", async ({ page }) => {
  await alterPlay(page, { request: (body) => ({ ...body, buildId: "another-build" }) });
  expect(await refusal(page, keyveil.playerUrl)).toBe("build_unknown");
});

test("server_key_unknown: the envelope names a server key that is not pinned", async ({ page }) => {
  await alterPlay(page, { response: (body) => ({ ...body, grant: { ...body.grant, serverKeyId: "swapped" } }) });
  expect(await refusal(page, keyveil.playerUrl)).toBe("server_key_unknown");
});

test("envelope_rejected: the envelope was made by someone else", async ({ page }) => {
  await alterPlay(page, {
    response: (body) => ({ ...body, grant: { ...body.grant, enc: Buffer.alloc(32, 9).toString("base64url") } }),
  });
  expect(await refusal(page, keyveil.playerUrl)).toBe("envelope_rejected");
});

test("envelope_rejected: the request was altered on its way", async ({ page }) => {
  await alterPlay(page, { request: (body) => ({ ...body, positionMs: 1 }) });
  expect(await refusal(page, keyveil.playerUrl)).toBe("envelope_rejected");
});

test("wasm_unavailable: the decryption module can't be loaded", async ({ page }) => {
  await page.context().route("**/keyveil-*.wasm", (route) => route.fulfill({ status: 404, body: "" }));
  expect(await refusal(page, keyveil.playerUrl)).toBe("wasm_unavailable");
});

test("wasm_altered: the decryption module is not the one that the worker was made with", async ({ page }) => {
  let altered = 0;
  await page.context().route("**/keyveil-*.wasm", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[body.length - 1] ^= 1;
    altered += 1;
    await route.fulfill({ response, body });
  });
  expect(await refusal(page, keyveil.playerUrl)).toBe("wasm_altered");
  expect(altered).toBeGreaterThan(0);
});

test("without workers the player fails closed", async ({ page }) => {
  await page.addInitScript(() => {
    delete window.Worker;
  });
  expect(await refusal(page, keyveil.playerUrl)).toBe("unsupported_browser");
});

test("a captured key request can't be used again", async ({ page, request }) => {
  const captured = page.context().waitForEvent("request", (r) => r.url().endsWith("/v1/keys"));
  await page.goto(atLevel(keyveil.playerUrl));
  await play(page.locator("keyveil-player video"));
  const original = await captured;
  await (await original.response()).finished();
  const headers = { "content-type": "application/json", "keyveil-mac": original.headers()["keyveil-mac"] };
  const again = await request.post(original.url(), { headers, data: original.postDataBuffer() });
  expect([again.status(), (await again.json()).error.code]).toEqual([409, "counter_replayed"]);
  const counted = Buffer.from(JSON.stringify({ ...original.postDataJSON(), counter: 1000 }));
  const altered = await request.post(original.url(), { headers, data: counted });
  expect([altered.status(), (await altered.json()).error.code]).toEqual([401, "session_invalid"]);
});

test("media addresses are refused when altered, of another path, or outside the file", async ({ page, request }) => {
  const captured = page.context().waitForEvent("request", (one) => /\/init\.mp4/.test(one.url()));
  await page.goto(atLevel(keyveil.playerUrl));
  const url = new URL((await captured).url());
  const code = async (path, headers = {}) => {
    const answer = await request.get(new URL(path, url).href, { headers });
    const isJson = answer.headers()["content-type"] === "application/json";
    return [answer.status(), isJson ? (await answer.json()).error.code : null];
  };
  const [, , token] = url.pathname.split("/");
  expect((await request.get(url.href)).status(), "the control is served").toBe(200);
  expect(await code(url.pathname.replace(token, `f${token.slice(1)}`))).toEqual([403, "url_invalid"]);
  expect(await code(url.pathname.replace(fileId, "another-title"))).toEqual([403, "url_invalid"]);
  expect(await code(`/media/${token}/${fileId}/..%2f..%2fkeyveil.db`)).toEqual([404, "not_found"]);
  // A cache cuts parts out by itself, and knows no codes.
  const outside = keyveil.isCached ? null : "range_not_satisfiable";
  expect(await code(url.pathname, { range: "bytes=99999999-" })).toEqual([416, outside]);
});
