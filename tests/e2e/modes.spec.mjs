// The element with other titles than the usual: clear leads, the authenticated cipher, and standard titles with their tokens.
import { sharedClip } from "./lib/clips.mjs";
import { embed, fileIdOf, sign, told } from "./lib/element.mjs";
import { start } from "./lib/installation.mjs";
import { expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

const position = (element) => element.evaluate((player) => player.video.currentTime);
const seek = (element, to) =>
  element.evaluate((player, to) => {
    player.video.currentTime = to;
  }, to);
const playsFrom = (element, from, secs) =>
  expect.poll(() => position(element), { timeout: 60_000 }).toBeGreaterThan(from + secs);

/** Segments of 2 s: the first two are clear. */
const LEAD = { clearLeadSecs: 3 };
/** So that keys of the end are not asked for at the beginning. */
const AHEAD = { bufferSecs: 10 };

/** In the last of the title's periods. */
const LATE = 44;

function installed(name, workflow, secs) {
  const it = { keyveil: null, fileId: null };
  test.beforeAll(async () => {
    test.setTimeout(900_000);
    it.keyveil = await start(sharedClip("mp4", { secs, size: "640x360", name }), { workflow });
    it.fileId = fileIdOf(it.keyveil);
  });
  test.afterAll(async () => {
    await it.keyveil?.stop();
  });
  return it;
}

test.describe("a private title with a clear lead", () => {
  const it = installed("lead", LEAD, 24);

  test("plays across the end of its lead, and the worker decrypts what is behind it", async ({ page }) => {
    const element = await embed(page, it.keyveil, await sign(it.keyveil, it.fileId, {}));
    await play(element.locator("video"));
    await playsFrom(element, 0, 9);
    expect((await told(page, "title"))[0].title).toMatchObject({ mode: "private", clearLeadSegments: 2 });
    const decrypted = (await told(page, "segment")).map(({ segment }) => segment);
    expect(Math.min(...decrypted)).toBe(2);
    await seek(element, 1);
    await playsFrom(element, 1, 1);
    expect(await told(page, "error")).toEqual([]);
  });

  test("is refused when more of it has no key tag than the lead", async ({ page }) => {
    await page.context().route("**/playlist.m3u8*", async (route) => {
      const answer = await route.fetch();
      const body = (await answer.text()).replace(/^#EXT-X-KEY:.*\n/gm, "");
      await route.fulfill({ response: answer, body });
    });
    const element = await embed(page, it.keyveil, await sign(it.keyveil, it.fileId, {}));
    await expect
      .poll(() => told(page, "error"), { timeout: 30_000 })
      .toContainEqual({ code: "key_tag_malformed", fatal: true });
    expect(await element.evaluate((player) => player.video.readyState)).toBe(0);
  });
});

test.describe("a private title in the authenticated cipher", () => {
  const it = installed("authenticated", { cipher: "chacha20-poly1305" }, 12);
  const errors = async (page) => (await told(page, "error")).map(({ code }) => code);
  const decrypted = async (page) => (await told(page, "segment")).length;

  test("plays", async ({ page }) => {
    const element = await embed(page, it.keyveil, await sign(it.keyveil, it.fileId, {}));
    await play(element.locator("video"));
    await playsFrom(element, 0, 3);
    expect((await told(page, "title"))[0].title).toMatchObject({ mode: "private", cipher: "chacha20-poly1305" });
    expect(await decrypted(page)).toBeGreaterThan(0);
    expect(await errors(page)).toEqual([]);
  });

  test("is refused before anything of it is decoded when a byte of each segment was altered", async ({ page }) => {
    let altered = 0;
    await page.context().route("**/seg-*", async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[body.length >> 1] ^= 1;
      altered += 1;
      await route.fulfill({ response, body });
    });
    const element = await embed(page, it.keyveil, await sign(it.keyveil, it.fileId, {}));
    await expect.poll(() => errors(page), { timeout: 60_000 }).toContain("segment_damaged");
    expect(altered).toBeGreaterThan(0);
    expect(await decrypted(page)).toBe(0);
    const shown = await element.evaluate(({ video }) => [video.readyState, video.buffered.length, video.videoWidth]);
    expect(shown).toEqual([0, 0, 0]);
  });
});

test.describe("a standard title", () => {
  const it = installed("standard", { ...LEAD, mode: "standard" }, 48);

  /** Every answer to a request for a key: status and token. */
  function watchKeys(page) {
    const answers = [];
    page.on("response", (response) => {
      const url = new URL(response.url());
      if (!url.pathname.includes("/hls-keys/")) return;
      answers.push({ status: response.status(), token: [...url.searchParams.values()].at(-1) });
    });
    return answers;
  }

  test("plays in the element, and goes on with a fresh signature's token once the first one's has ended", async ({
    page,
  }) => {
    const reasons = [];
    await page.exposeFunction("signFor", (reason) => {
      reasons.push(reason);
      return sign(it.keyveil, it.fileId, { expiresInSecs: 10 });
    });
    const keys = watchKeys(page);
    const element = await embed(page, it.keyveil, "", AHEAD);
    await play(element.locator("video"));
    expect((await told(page, "title"))[0].title).toMatchObject({ mode: "standard", clearLeadSegments: 2 });
    await playsFrom(element, 0, 7);
    expect(keys.length).toBeGreaterThan(0);
    const [{ token: first }] = keys;
    await page.waitForTimeout(12_000);
    await seek(element, LATE);
    await playsFrom(element, LATE, 1);
    expect(new Set(keys.map(({ status }) => status))).toEqual(new Set([200]));
    expect(keys.at(-1).token).not.toBe(first);
    expect(reasons.filter((reason) => reason === "refresh").length).toBeGreaterThan(0);
    expect((await told(page, "error")).filter(({ fatal }) => fatal)).toEqual([]);
  });

  test("ends with an error of the signature when no fresh one is to be had", async ({ page }) => {
    const keys = watchKeys(page);
    const psign = await sign(it.keyveil, it.fileId, { expiresInSecs: 8 });
    const element = await embed(page, it.keyveil, psign, AHEAD);
    await play(element.locator("video"));
    await page.waitForTimeout(10_000);
    await seek(element, LATE);
    const fatal = async () => (await told(page, "error")).filter((error) => error.fatal).map(({ code }) => code);
    await expect.poll(fatal, { timeout: 30_000 }).toEqual(["signature_unavailable"]);
    expect(keys.at(0).status).toBe(200);
    expect(keys.at(-1).status).toBe(401);
    await expect(element.locator("[part=error]")).toBeVisible();
  });

  test("is refused by its own code when the viewer plays elsewhere", async ({ page }) => {
    const psign = () => sign(it.keyveil, it.fileId, { uid: "ann", sessions: 1 });
    const element = await embed(page, it.keyveil, await psign(), AHEAD);
    await play(element.locator("video"));
    const elsewhere = await page.context().newPage();
    const other = await embed(elsewhere, it.keyveil, await psign(), AHEAD);
    await play(other.locator("video"));
    await seek(element, LATE);
    const fatal = async () => (await told(page, "error")).filter((error) => error.fatal).map(({ code }) => code);
    await expect.poll(fatal, { timeout: 30_000 }).toEqual(["session_superseded"]);
    await expect(element.locator("[part=error]")).toContainText("watching elsewhere");
    await seek(other, LATE);
    await playsFrom(other, LATE, 1);
  });
});
