// The memory of the renderer that plays, wasm heap and all, searched from outside for AES key schedules and for keys in clear: before,
// while and after it plays. In the same process a page keeps a key of the test's own, which each scan must see.
import { randomBytes } from "node:crypto";
import { play } from "../e2e/lib/play.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { mayRead, scan, schedulesOf } from "./lib/memory.mjs";
import { secretsOfExchanges } from "./lib/secrets.mjs";

const SAMPLES = 10;
/** A page is loaded anew after so many samples: most segments are decrypted in its first seconds. */
const SAMPLES_PER_LOAD = 4;
const SCANS_MAX = 20;
const PLANTED = "planted key";
/** No secret: the decryptor keeps it as it is, and only there it stands as bytes. Who sees it, sees the wasm heap. */
const SESSION_ID = "session id";

test.skip(!mayRead, "reads other processes' memory: needs root or sudo without a password. Nothing was checked");

const isSegmentKey = ({ secret }) => /^segment key/.test(secret);
const isOurs = ({ secret }) => secret !== null && secret !== PLANTED && secret !== SESSION_ID;
const isClear = (one) => one.kind === "secret" && isOurs(one) && !isSegmentKey(one);
const kinds = (found) =>
  [...new Set(found.map(({ kind, secret, form }) => `${kind} of ${secret} (${form})`))].slice(0, 6).join(", ");

/** Keeps a key and its schedules in typed arrays of the page. */
function plant(page, key) {
  const hex = Object.values(schedulesOf(key)).map((bytes) => bytes.toString("hex"));
  return page.evaluate(
    (all) => {
      window.planted = all.map((text) => Uint8Array.from(text.match(/../g), (byte) => Number.parseInt(byte, 16)));
    },
    [key.toString("hex"), ...hex],
  );
}

/** The exchanges of a context so far, as lib/secrets.mjs has them. */
function exchangesOf(context) {
  const exchanges = [];
  context.on("response", async (response) => {
    const request = response.request();
    const path = new URL(response.url()).pathname;
    if (!/^\/v1\/(play|keys)$/.test(path) || !response.ok()) return;
    const said = await response.text().catch(() => null);
    const mac = request.headers()["keyveil-mac"];
    if (said !== null) exchanges.push({ path, request: request.postData(), mac, response: said });
  });
  return exchanges;
}

const sessionIds = (exchanges) =>
  exchanges
    .filter(({ path }) => path === "/v1/play")
    .map(({ response }) => JSON.parse(response).session.id)
    .map((id) => ({ name: SESSION_ID, hex: Buffer.from(id, "base64url").toString("hex") }));

/**
 * A scan, and where it met a secret in clear at once another one: within a call of the decryptor there are some (docs/SECURITY.md,
 * section 2), and only what is `resting` was left there.
 */
async function scanTwice(browser, secrets) {
  const { bytes, found } = await scan(browser, secrets);
  const again = found.some(isClear) ? (await scan(browser, secrets)).found : [];
  const rests = ({ pid, secret }) => again.some((one) => isClear(one) && one.pid === pid && one.secret === secret);
  return { bytes, found: found.map((one) => ({ ...one, resting: isClear(one) && rests(one) })) };
}

/** Scans before, while and after the title plays: [{ when, bytes, found }]. */
async function scansOfPlayer(browser, target, level, key) {
  const context = await browser.newContext();
  try {
    const exchanges = exchangesOf(context);
    const planted = { name: PLANTED, hex: key.toString("hex") };
    const scans = [];
    const look = async (when) => {
      const ours = [...target.secrets, ...secretsOfExchanges(target.keys, exchanges)];
      const secrets = [planted, ...sessionIds(exchanges), ...ours];
      scans.push({ when, ...(await scanTwice(browser, secrets)) });
    };
    const page = await context.newPage();
    await page.goto(`${target.keyveil.origin}/player/`);
    await plant(page, key);
    await look("before");
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      if (sample % SAMPLES_PER_LOAD === 0) {
        await page.goto(`${target.keyveil.origin}/player/?${sample}${new URL(target.playerUrl(level)).hash}`);
        await plant(page, key);
      }
      await look("while");
    }
    const video = page.locator("keyveil-player video");
    await play(video);
    const frames = () => video.evaluate((element) => element.getVideoPlaybackQuality().totalVideoFrames);
    await expect.poll(frames, { timeout: 60_000, message: "it plays" }).toBeGreaterThan(25);
    await look("while");
    await page.evaluate(() => document.querySelector("keyveil-player").remove());
    await look("after");
    expect(exchanges.length, "keys were exchanged").toBeGreaterThan(0);
    return scans;
  } finally {
    await context.close();
  }
}

/** What plain hls.js leaves of the standard title's keys, in the scan that shows most. */
async function foundOfHls(browser, target, initScript, isFound) {
  const context = await browser.newContext();
  try {
    if (initScript) await context.addInitScript(initScript);
    const page = await context.newPage();
    await page.goto(await target.standard.page());
    await play(page.locator("video"));
    for (let scans = 1; ; scans += 1) {
      const { found } = await scan(browser, target.standard.secrets);
      if (found.some(isFound) || scans === SCANS_MAX) return found.filter(isFound);
    }
  } finally {
    await context.close();
  }
}

for (const level of ["sealed", "guarded"])
  test(`${level}: no key schedule of ours, no title or period key in clear`, async ({ browser, target }) => {
    const key = randomBytes(16);
    const scans = await scansOfPlayer(browser, target, level, key);
    const all = scans.flatMap(({ found }) => found);
    const count = (isWanted) => scans.filter(({ found }) => found.some(isWanted)).length;
    const schedules = all.filter((one) => one.kind === "schedule" && isOurs(one));
    const clear = all.filter(({ resting }) => resting);
    const passing = all.filter((one) => isClear(one) && !one.resting);
    const planted = (kind) => count((one) => one.kind === kind && one.secret === PLANTED);
    const others = Math.max(
      ...scans.map(({ found }) => found.filter(({ kind, secret }) => kind === "schedule" && secret === null).length),
    );
    const mebibytes = Math.round(Math.max(...scans.map(({ bytes }) => bytes)) / 2 ** 20);
    const heaps = count(({ secret }) => secret === SESSION_ID);
    const size = `${scans.length} scans of up to ${mebibytes} MiB, the wasm heap in ${heaps}`;
    record({
      attack: `${level}: AES key schedules`,
      player: schedules.length,
      control: planted("schedule"),
      figure: `${size}; ${others} of others at most; ${kinds(schedules) || "none of ours"}; planted key's found in ${planted("schedule")}`,
    });
    record({
      attack: `${level}: title, period, session and build secrets in clear`,
      player: clear.length,
      control: planted("secret"),
      figure: `${size}; ${kinds(clear) || "none"} at rest, ${kinds(passing) || "none"} in passing; planted key found in ${planted("secret")}`,
    });
    const inFlight = count((one) => one.kind === "secret" && isSegmentKey(one));
    record({
      attack: `${level}: segment keys in flight`,
      player: inFlight,
      control: planted("secret"),
      tier: "costly",
      figure: `scans that saw one: ${inFlight} of ${scans.length}; ${kinds(all.filter(isSegmentKey)) || "none"}`,
    });
    for (const [form] of Object.entries(schedulesOf(key)))
      expect(
        count((one) => one.form === form && one.secret === PLANTED),
        `planted: ${form}`,
      ).toBe(scans.length);
    expect(heaps, "scans that saw the wasm heap").toBeGreaterThan(0);
    expect(kinds(schedules), "schedules of ours").toBe("");
    expect(kinds(clear), "secrets in clear").toBe("");
  });

test("plain hls.js: keys and schedules are found", async ({ browser, target }) => {
  const isKey = ({ kind, secret }) => kind === "secret" && secret !== null;
  const isSchedule = ({ kind, secret }) => kind === "schedule" && secret !== null;
  const keys = await foundOfHls(browser, target, null, isKey);
  // Without WebCrypto, as on a page without TLS, hls.js decrypts by itself.
  const withoutCrypto = () => {
    Object.defineProperty(crypto, "subtle", { value: undefined });
    delete window.Worker;
  };
  const schedules = await foundOfHls(browser, target, withoutCrypto, isSchedule);
  record({
    attack: "control: plain hls.js on a standard title",
    player: 0,
    control: Math.min(keys.length, schedules.length),
    figure: `with WebCrypto: ${kinds(keys) || "nothing"}; without: ${kinds(schedules) || "nothing"}`,
  });
  expect(keys.length, "keys").toBeGreaterThan(0);
  expect(schedules.length, "schedules").toBeGreaterThan(0);
});
