// Little pictures above the timeline: the part of the sheet that stands for the time under the pointer.
import { createServer } from "node:http";
import { sharedClip } from "./lib/clips.mjs";
import { embed, fileIdOf, sign, told } from "./lib/element.mjs";
import { start } from "./lib/installation.mjs";
import { expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

const PICTURES = "test-results/pictures";
const EVERY_SECS = 2;
const SIZE = { width: 142, height: 80 };
const SECS = 24;

/** The sheets are of 10 × 10 thumbnails. */
const placeOf = (secs) => {
  const place = Math.floor(secs / EVERY_SECS);
  return [(place % 10) * SIZE.width, Math.floor(place / 10) * SIZE.height, SIZE.width, SIZE.height];
};

async function withTitle(sprites, use) {
  const keyveil = await start(sharedClip("mp4", { secs: SECS, size: "640x360" }), { workflow: { sprites } });
  try {
    await use(keyveil, fileIdOf(keyveil));
  } finally {
    await keyveil.stop();
  }
}

/** The installation's pages at another origin, which its key server allows. */
async function withOtherOrigin(page, keyveil, use) {
  const server = createServer(async (request, response) => {
    const { status, headers, body } = await fetch(`${keyveil.origin}${request.url}`);
    response.writeHead(status, { "Content-Type": headers.get("content-type") });
    response.end(body && Buffer.from(await new Response(body).arrayBuffer()));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const [{ appId }] = (await keyveil.api("GET", "/v1/apps")).apps;
  const allow = (domains) => keyveil.api("PATCH", `/v1/apps/${appId}`, { domains });
  const allowed = () => page.request.get(`${keyveil.origin}/sdk/worker.js`, { headers: { Origin: origin } });
  try {
    await allow(["127.0.0.1"]);
    await expect.poll(async () => (await allowed()).headers()["access-control-allow-origin"]).toBe(origin);
    await use(origin);
  } finally {
    await allow([]);
    server.close();
  }
}

/** Puts the pointer over that part of the timeline: 0 … 1. */
async function pointAt(page, element, part) {
  // Before it is there, the place would be that of another layout.
  await element.hover();
  const box = await element.locator("media-time-range").evaluate((range) => {
    const { left, width, top, height } = range.range.getBoundingClientRect();
    return { left, width, y: top + height / 2 };
  });
  await page.mouse.move(box.left + box.width * part, box.y, { steps: 3 });
}

/** What is shown over the timeline: { text, picture }, where `picture` is null or { sheet, place, size }, measured as it is painted. */
const shown = (element) =>
  element.evaluate((player) => {
    const part = (name) => player.shadowRoot.querySelector(name);
    const isSeen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const [picture, time] = [part("media-preview-thumbnail"), part("media-preview-time-display")];
    const image = picture.shadowRoot.querySelector("img");
    const [frame, sheet] = [picture.getBoundingClientRect(), image.getBoundingClientRect()];
    const scale = sheet.width / image.naturalWidth;
    const of = (length) => Math.round(length / scale);
    return {
      text: isSeen(time) ? time.shadowRoot.textContent.match(/\d+:\d+/)?.[0] : null,
      picture:
        isSeen(picture) && isSeen(image) && image.complete && image.naturalWidth > 0
          ? {
              sheet: image.src,
              place: [of(frame.left - sheet.left), of(frame.top - sheet.top), of(frame.width), of(frame.height)],
            }
          : null,
    };
  });

test("the timeline shows the thumbnail of the time under the pointer", async ({ page }) => {
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await withTitle({ everySecs: EVERY_SECS, ...SIZE }, async (keyveil, fileId) => {
    const element = await embed(page, keyveil, await sign(keyveil, fileId, {}));
    await play(element.locator("video"));
    const [{ spritesUrl, playlistUrl }] = await told(page, "title");
    expect(spritesUrl).toBe(
      (await keyveil.api("GET", `/v1/titles/${fileId}`)).spritesUrl.replace(/^[^/]+\/\/[^/]+/, keyveil.origin),
    );
    const vtt = await (await page.request.get(spritesUrl)).text();
    const sheet = playlistUrl.replace("master.m3u8", "sprites/sprite-00000.jpg");
    // The last ones stand in the second row.
    for (const [part, secs] of Object.entries({ 0.05: 1, 0.4: 9, 0.96: 23 })) {
      await pointAt(page, element, Number(part));
      const place = placeOf(secs);
      await expect
        .poll(() => shown(element))
        .toEqual({ text: `0:${String(secs).padStart(2, "0")}`, picture: { sheet, place } });
      expect(vtt).toContain(`sprite-00000.jpg#xywh=${place.join(",")}`);
    }
    expect(await element.locator("media-captions-menu-button").isVisible(), "no subtitles").toBe(false);
    expect(
      await element.evaluate(({ video }) => Array.from(video.textTracks, ({ kind, mode }) => [kind, mode])),
    ).toEqual([["metadata", "hidden"]]);
    // Not the same place twice: media-chrome shows nothing where the pointer comes back to the second that it left.
    for (const [name, width, part, secs] of [
      ["wide", 1440, 0.4, 9],
      ["narrow", 390, 0.1, 2],
    ]) {
      await page.setViewportSize({ width, height: 800 });
      await pointAt(page, element, part);
      await expect.poll(async () => (await shown(element)).picture?.place).toEqual(placeOf(secs));
      await page.screenshot({ path: `${PICTURES}/thumbnails-${name}.png`, animations: "disabled" });
    }
    await element.evaluate((player) => player.removeAttribute("server"));
    await expect(element.locator("track")).toHaveCount(0);
  });
  expect(complaints).toEqual([]);
});

test("a sheet that can't be had is no picture and no error", async ({ page }) => {
  await withTitle({ everySecs: EVERY_SECS, ...SIZE }, async (keyveil, fileId) => {
    let isThere = false;
    await page.route("**/sprite-00000.jpg", (route) => (isThere ? route.continue() : route.fulfill({ status: 403 })));
    const watch = async () => {
      const element = await embed(page, keyveil, await sign(keyveil, fileId, {}));
      await play(element.locator("video"));
      await pointAt(page, element, 0.4);
      return element;
    };
    const refused = page.waitForResponse("**/sprite-00000.jpg");
    const element = await watch();
    expect((await refused).status()).toBe(403);
    await expect.poll(() => shown(element)).toEqual({ text: "0:09", picture: null });
    await expect(element.locator("media-preview-thumbnail[slot]")).toBeHidden();
    expect(await told(page, "error")).toEqual([]);
    isThere = true;
    const other = await watch();
    await expect.poll(async () => (await shown(other)).picture?.place).toEqual(placeOf(9));
  });
});

test("a page of another origin than the key server's shows them, too", async ({ page }) => {
  await withTitle({ everySecs: EVERY_SECS, ...SIZE }, (keyveil, fileId) =>
    withOtherOrigin(page, keyveil, async (origin) => {
      const psign = await sign(keyveil, fileId, {});
      const element = await embed(page, { origin }, psign, { attributes: { server: keyveil.origin } });
      await play(element.locator("video"));
      await pointAt(page, element, 0.4);
      await expect.poll(async () => (await shown(element)).picture?.place).toEqual(placeOf(9));
      expect((await shown(element)).picture.sheet.startsWith(`${keyveil.origin}/media/`)).toBe(true);
    }),
  );
});

test("a title without sprites has no pictures there", async ({ page }) => {
  await withTitle(null, async (keyveil, fileId) => {
    const element = await embed(page, keyveil, await sign(keyveil, fileId, {}));
    await play(element.locator("video"));
    expect((await told(page, "title"))[0].spritesUrl).toBeNull();
    await pointAt(page, element, 0.4);
    await expect.poll(() => shown(element)).toEqual({ text: "0:09", picture: null });
    await expect(element.locator("track[label=thumbnails]")).toHaveCount(0);
  });
});
