// What else a signature asks of the player: a preview that ends where it says, names and limits of the quality menu.
import { sharedClip } from "./lib/clips.mjs";
import { embed, fileIdOf, sign, told } from "./lib/element.mjs";
import { start } from "./lib/installation.mjs";
import { expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

const PICTURES = "test-results/pictures";
/** Segments are 2 s: five of them, a whole period of four and one more. */
const PREVIEW = { previewSecs: 9 };
const END = { segments: 5, endMs: 10_000 };
const RUNGS = [
  { edge: 360, videoBitRate: 500_000 },
  { edge: 480, videoBitRate: 800_000 },
  { edge: 720, videoBitRate: 1_400_000 },
];

let keyveil;
let fileId;

test.beforeAll(async () => {
  test.setTimeout(900_000);
  const clip = sharedClip("mp4", { secs: 24, size: "1280x720" });
  keyveil = await start(clip, { workflow: { ladder: { kind: "rungs", rungs: RUNGS } } });
  fileId = fileIdOf(keyveil);
});

test.afterAll(async () => {
  await keyveil?.stop();
});

const BUY = '<button slot="previewend" type="button" onclick="">Buy the film</button>';
const property = (element, name) => element.evaluate((player, name) => player.video[name], name);

test("a preview plays to its end and no further, says so, and can be watched again", async ({ page }) => {
  const element = await embed(page, keyveil, await sign(keyveil, fileId, PREVIEW), { html: BUY });
  await play(element.locator("video"));
  expect((await told(page, "title"))[0].preview).toEqual(END);
  expect(Math.abs((await property(element, "duration")) - 10)).toBeLessThan(0.2);
  const overlay = element.locator("[part=previewend]");
  await expect(overlay).toBeHidden();
  await element.evaluate((player) => {
    player.video.currentTime = 20;
  });
  await expect.poll(() => told(page, "previewend"), { timeout: 30_000 }).toEqual([END]);
  expect(await property(element, "currentTime")).toBeLessThan(10.2);
  expect(await told(page, "ended")).toEqual([{}]);
  await expect(overlay).toBeVisible();
  await expect(overlay).toContainText("The preview has ended.");
  const buy = page.getByRole("button", { name: "Buy the film" });
  await expect(buy).toBeVisible();
  await buy.click({ trial: true });
  for (const [name, width] of Object.entries({ wide: 1440, narrow: 390 })) {
    await page.setViewportSize({ width, height: 800 });
    await page.screenshot({ path: `${PICTURES}/preview-${name}.png` });
  }
  await element.evaluate((player) => {
    player.lang = "zh";
  });
  await expect(overlay).toContainText("试看已结束。");
  await element.evaluate((player) => {
    player.video.currentTime = 6;
    return player.play();
  });
  await expect(overlay).toBeHidden();
  await expect.poll(() => told(page, "previewend"), { timeout: 30_000 }).toEqual([END, END]);
  expect(await told(page, "error")).toEqual([]);
});

test("behind the end of a preview there are no segments and no playlist lines", async ({ page, request }) => {
  const segments = async (claims) => {
    const asked = new Set();
    page.context().on("request", (one) => asked.add(one.url()));
    const element = await embed(page, keyveil, await sign(keyveil, fileId, claims));
    await play(element.locator("video"));
    const isMedia = (url) => url.startsWith(`${keyveil.origin}/media/`) && url.includes("playlist.m3u8");
    await expect.poll(() => [...asked].filter(isMedia).length).toBeGreaterThan(0);
    const playlist = [...asked].filter(isMedia).at(-1);
    const text = await (await request.get(playlist)).text();
    const uris = text.split("\n").filter((line) => line && !line.startsWith("#"));
    page.context().removeAllListeners("request");
    return { text, urls: uris.map((uri) => new URL(uri, playlist).href) };
  };
  const whole = await segments({});
  expect(whole.urls.length).toBe(12);
  const preview = await segments(PREVIEW);
  expect(preview.urls.length).toBe(END.segments);
  expect(preview.text.trim().endsWith("#EXT-X-ENDLIST")).toBe(true);
  const [, , token] = new URL(preview.urls[0]).pathname.split("/");
  const status = async (url) => {
    const answer = await request.get(url);
    return [answer.status(), answer.ok() ? null : (await answer.json()).error.code];
  };
  for (const [segment, url] of whole.urls.entries()) {
    const [, , wholeToken] = new URL(url).pathname.split("/");
    const expected = segment < END.segments ? [200, null] : [403, "preview_ended"];
    expect(await status(url.replace(wholeToken, token)), `segment ${segment}`).toEqual(expected);
    expect(await status(url), "the control: the whole title's signature").toEqual([200, null]);
  }
});

test("a preview as long as the title is the title", async ({ page }) => {
  const element = await embed(page, keyveil, await sign(keyveil, fileId, { previewSecs: 500 }));
  await play(element.locator("video"));
  expect((await told(page, "title"))[0].preview).toBeNull();
  expect(await property(element, "duration")).toBeGreaterThan(23);
  await element.evaluate((player) => {
    player.video.currentTime = 22.5;
  });
  await expect.poll(() => told(page, "ended"), { timeout: 30_000 }).toEqual([{}]);
  expect(await told(page, "previewend")).toEqual([]);
});

/** What the quality menu offers, best first. */
async function menuOf(page, claims) {
  const element = await embed(page, keyveil, await sign(keyveil, fileId, claims));
  await play(element.locator("video"));
  const items = () =>
    element.evaluate((player) =>
      Array.from(
        player.shadowRoot.querySelector("media-rendition-menu").shadowRoot.querySelectorAll("media-chrome-menu-item"),
        (item) => item.textContent.trim(),
      ),
    );
  return { element, items };
}

test("the quality menu has the names of the signature", async ({ page }) => {
  const resolutionNames = [
    { minEdgeLength: 480, name: "Standard" },
    { minEdgeLength: 720, name: "Sharp" },
  ];
  const { element, items } = await menuOf(page, { resolutionNames });
  await expect.poll(async () => (await items()).slice(0, 3)).toEqual(["Sharp", "Standard", "360p"]);
  await element.hover();
  await element.locator("media-rendition-menu-button").click();
  await page.screenshot({ path: `${PICTURES}/quality-names.png` });
  await element.getByText("Standard", { exact: true }).click();
  await expect.poll(() => property(element, "videoHeight"), { timeout: 30_000 }).toBe(480);
});

test("the quality menu has no quality that the signature does not cover", async ({ page }) => {
  const all = await menuOf(page, {});
  await expect.poll(async () => (await all.items()).slice(0, 3)).toEqual(["720p", "480p", "360p"]);
  const limited = await menuOf(page, { maxTrack: "SD" });
  await expect.poll(async () => (await limited.items()).slice(0, 2)).toEqual(["480p", "360p"]);
  expect(await limited.items()).not.toContain("720p");
});

test("a renewal that allows less leaves out the quality that plays, and playback goes on in another", async ({
  page,
}) => {
  test.setTimeout(90_000);
  await page.exposeBinding("signFor", (_source, reason) =>
    sign(keyveil, fileId, reason === "start" ? { expiresInSecs: 10 } : { expiresInSecs: 600, maxTrack: "SD" }),
  );
  // Most of the title is still to be loaded when the signature is renewed.
  const element = await embed(page, keyveil, "", { bufferSecs: 4 });
  await play(element.locator("video"));
  const heights = () => element.evaluate(({ player }) => player.qualities.map(({ height }) => height).sort());
  expect(await heights()).toEqual([360, 480, 720]);
  await element.evaluate(({ player }) => {
    player.quality = player.qualities.find(({ height }) => height === 720).id;
  });
  await expect.poll(() => property(element, "videoHeight"), { timeout: 30_000 }).toBe(720);
  await expect.poll(heights, { timeout: 20_000 }).toEqual([360, 480]);
  expect(await element.evaluate(({ player }) => player.quality), "it is chosen automatically again").toBe(-1);
  await expect.poll(() => told(page, "ended"), { timeout: 60_000 }).toEqual([{}]);
  expect(await property(element, "videoHeight")).toBeLessThan(720);
  expect((await told(page, "error")).filter(({ fatal }) => fatal)).toEqual([]);
});
