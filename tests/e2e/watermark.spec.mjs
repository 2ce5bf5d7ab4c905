// The text that a signature puts over the picture: it wanders, comes back whatever takes it away, and stays in fullscreen.
import { sharedClip } from "./lib/clips.mjs";
import { embed, fileIdOf, sign, told } from "./lib/element.mjs";
import { start } from "./lib/installation.mjs";
import { expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

const TEXT = "ann@example.com · 4711";
const PICTURES = "test-results/pictures";
/** It is put back five times within ten seconds, and then no more. */
const PATIENCE = 4;

let keyveil;
let fileId;

test.beforeAll(async () => {
  test.setTimeout(900_000);
  keyveil = await start(sharedClip("mp4", { secs: 40, size: "640x360" }));
  fileId = fileIdOf(keyveil);
});

test.afterAll(async () => {
  await keyveil?.stop();
});

async function watch(page, claims = { watermark: TEXT }) {
  const element = await embed(page, keyveil, await sign(keyveil, fileId, claims));
  await play(element.locator("video"));
  return element;
}

/** The mark as a viewer could see it, or null: { x, y, width, height, inside, hit }. */
const seen = (element, text = TEXT) =>
  element.evaluate((player, text) => {
    const controller = player.shadowRoot.querySelector("media-controller");
    const mark = [...controller.querySelectorAll("div")].find(
      (one) => one.childElementCount === 0 && one.textContent === text,
    );
    if (!mark?.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return null;
    const [box, video] = [mark.getBoundingClientRect(), player.video.getBoundingClientRect()];
    const style = getComputedStyle(mark);
    const clipped = [mark, mark.parentElement].some((one) => getComputedStyle(one).clipPath !== "none");
    if (box.width < 20 || box.height < 8 || clipped || style.color !== "rgb(255, 255, 255)") return null;
    const inside =
      box.left >= video.left - 1 &&
      box.top >= video.top - 1 &&
      box.right <= video.right + 1 &&
      box.bottom <= video.bottom + 1;
    const at = player.shadowRoot.elementsFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return { x: box.x, y: box.y, width: box.width, height: box.height, inside, hit: at.includes(mark) };
  }, text);

const isSeen = async (element) => (await seen(element))?.inside === true;

test("where the signature asks for nothing, nothing is drawn", async ({ page }) => {
  const element = await watch(page, { uid: "ann" });
  const drawn = () => element.evaluate((player) => player.shadowRoot.querySelectorAll("[aria-hidden=true]").length);
  expect(await drawn()).toBe(0);
  expect(await element.evaluate((player) => player.video.disablePictureInPicture)).toBe(false);
  await expect(element.locator("media-pip-button")).toBeVisible();
  expect((await told(page, "title"))[0].watermark).toBeNull();
  const marked = await watch(page);
  expect(await drawn(), "the control").toBe(1);
  await expect.poll(() => isSeen(marked)).toBe(true);
  await expect(marked.locator("media-pip-button"), "it would leave the text behind").toBeHidden();
});

test("it wanders over the picture and lets every click through", async ({ page }) => {
  const element = await watch(page);
  const places = new Set();
  await expect
    .poll(
      async () => {
        const mark = await seen(element);
        expect(mark).toMatchObject({ inside: true, hit: false });
        places.add(`${Math.round(mark.x / 60)} ${Math.round(mark.y / 60)}`);
        return places.size;
      },
      { timeout: 60_000, intervals: [500] },
    )
    .toBeGreaterThan(3);
  const isPaused = () => element.evaluate((player) => player.video.paused);
  // A click on the bar of controls would be theirs.
  const box = await element.boundingBox();
  let mark;
  await expect
    .poll(
      async () => {
        mark = await seen(element);
        return mark.y + mark.height < box.y + box.height * 0.7;
      },
      { timeout: 60_000, intervals: [100], message: "it comes to where no controls are" },
    )
    .toBe(true);
  await page.mouse.click(mark.x + mark.width / 2, mark.y + mark.height / 2);
  await expect.poll(isPaused, { message: "the click under it reached the player" }).toBe(true);
});

test("who wants less motion sees it jump", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const element = await watch(page);
  const transition = () =>
    element.evaluate(
      (player) => getComputedStyle(player.shadowRoot.querySelector("[aria-hidden=true] > div")).transitionProperty,
    );
  expect(await transition()).toBe("none");
});

const TAMPERING = {
  "its layer removed": (layer) => layer.remove(),
  "its text removed": (_layer, mark) => mark.remove(),
  "its text emptied": (_layer, mark) => mark.replaceChildren(),
  "its text changed": (_layer, mark) => {
    mark.firstChild.data = "someone else";
  },
  "made transparent": (layer) => layer.style.setProperty("opacity", "0", "important"),
  "not displayed": (_layer, mark) => mark.setAttribute("style", "display: none !important"),
  "made invisible": (_layer, mark) => mark.style.setProperty("visibility", "hidden", "important"),
  "moved out of sight": (_layer, mark) => mark.style.setProperty("left", "-5000px", "important"),
  "clipped away": (layer) => layer.style.setProperty("clip-path", "inset(50%)", "important"),
  "shrunk to nothing": (layer) => layer.style.setProperty("transform", "scale(0)", "important"),
  "taken out of its slot": (layer) => layer.setAttribute("slot", "elsewhere"),
  "moved elsewhere": (layer) => document.body.append(layer),
};

test("it is put back whatever takes it away", async ({ page }) => {
  let element;
  for (const [number, [name, tamper]] of Object.entries(TAMPERING).entries()) {
    if (number % PATIENCE === 0) {
      element = await watch(page);
      await expect.poll(() => isSeen(element)).toBe(true);
    }
    // The function as it is written above: a page's world knows nothing of this file's.
    await element.evaluate(`(player) => {
      const layer = player.shadowRoot.querySelector("media-controller > [aria-hidden=true]");
      (${tamper})(layer, layer.firstElementChild);
    }`);
    await expect.poll(() => isSeen(element), { timeout: 5_000, message: `${name}: put back` }).toBe(true);
    expect(await told(page, "error"), name).toEqual([]);
  }
});

test("a style sheet in the element's root does not hide it, and a video taken out of the element comes back", async ({
  page,
}) => {
  const element = await watch(page);
  await element.evaluate((player) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
      "media-controller div { opacity: 0 !important; color: transparent !important; left: -99vw !important }",
    );
    player.shadowRoot.adoptedStyleSheets = [sheet];
  });
  await expect.poll(() => isSeen(element)).toBe(true);
  await element.evaluate((player) => document.body.append(player.video));
  await expect
    .poll(() => element.evaluate((player) => player.video.closest("media-controller") !== null), { timeout: 5_000 })
    .toBe(true);
});

test("fullscreen keeps it, and a video that is alone in fullscreen is taken out of it", async ({ page }) => {
  const element = await watch(page);
  const inFullscreen = () => page.evaluate(() => document.fullscreenElement?.id ?? null);
  await element.hover();
  await element.locator("media-fullscreen-button").click();
  await expect.poll(inFullscreen).toBe("own");
  await expect.poll(() => isSeen(element)).toBe(true);
  await element.evaluate((player) => player.shadowRoot.querySelector("media-controller > [aria-hidden=true]").remove());
  await expect.poll(() => isSeen(element), { message: "put back in fullscreen, too" }).toBe(true);
  await page.screenshot({ path: `${PICTURES}/watermark-fullscreen.png` });
  await page.evaluate(() => document.exitFullscreen());
  await expect.poll(inFullscreen).toBeNull();
  await element.evaluate((player) => player.video.requestFullscreen());
  await expect.poll(inFullscreen, { timeout: 5_000 }).toBeNull();
  expect(await isSeen(element)).toBe(true);
});

test("a page that fights it does not get the video", async ({ page }) => {
  const element = await watch(page);
  await element.evaluate((player) => {
    const controller = player.shadowRoot.querySelector("media-controller");
    const clear = () => controller.querySelector(":scope > [aria-hidden=true]")?.remove();
    new MutationObserver(clear).observe(controller, { childList: true });
    clear();
  });
  await expect
    .poll(() => told(page, "error"), { timeout: 20_000 })
    .toEqual([{ code: "watermark_removed", fatal: true }]);
  expect(await element.evaluate((player) => player.video.paused)).toBe(true);
  await expect(element.locator("[part=error]")).toContainText("keeps removing the mark");
});

for (const [name, size] of Object.entries({
  narrow: { width: 390, height: 700 },
  wide: { width: 1440, height: 900 },
})) {
  test(`it fits a ${name} page, on dark and light pictures`, async ({ page }) => {
    await page.setViewportSize(size);
    const element = await watch(page, { watermark: `${TEXT} ${"long ".repeat(18)}`.trim() });
    const text = `${TEXT} ${"long ".repeat(18)}`.trim();
    for (const [tone, brightness] of Object.entries({ dark: 0.1, light: 9 })) {
      await element.evaluate((player, brightness) => {
        player.video.style.filter = `brightness(${brightness})`;
      }, brightness);
      expect(await seen(element, text)).toMatchObject({ inside: true });
      await page.screenshot({ path: `${PICTURES}/watermark-${name}-${tone}.png` });
    }
  });
}
