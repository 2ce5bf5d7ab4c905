// The pages as a person uses them: console, player and landing page, by mouse and keyboard, wide and narrow.
import { expect, test } from "@playwright/test";
import { sharedClip } from "./lib/clips.mjs";
import { start } from "./lib/installation.mjs";
import { play } from "./lib/play.mjs";

let keyveil;
let complaints;

test.beforeAll(async () => {
  test.setTimeout(900_000);
  keyveil = await start(sharedClip("mp4", { secs: 24 }));
});

test.afterAll(async () => {
  await keyveil?.stop();
});

test.beforeEach(async ({ page }) => {
  complaints = [];
  page.on("console", (message) => {
    // Chromium itself reports the 401 by which the console learns that nobody has signed in.
    const toldBySignIn = message.location().url.endsWith("/v1/me") && message.text().includes("401");
    if (["error", "warning"].includes(message.type()) && !toldBySignIn) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.exposeFunction("keyveilComplaint", (text) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      window.keyveilComplaint(`Content-Security-Policy ${violatedDirective}: ${blockedURI}`),
    );
  });
});

const pictures = (page) => page.locator("keyveil-player video").evaluate((video) => video.currentTime);
const paused = (page) => page.locator("keyveil-player video").evaluate((video) => video.paused);

async function openPlayer(page) {
  await page.goto(keyveil.playerUrl);
  await expect(page.locator("#stage .curtain")).toHaveCount(0, { timeout: 30_000 });
  await page.locator("keyveil-player video").evaluate((video) => {
    video.muted = true;
  });
}

async function signIn(page) {
  await page.goto(keyveil.consoleUrl);
  // In either language.
  await page.locator("input[autocomplete=username]").fill(keyveil.user.name);
  await page.locator("input[autocomplete=current-password]").fill(keyveil.user.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("table")).toBeVisible();
}

test("the console lists the title, and its page plays it", async ({ page }) => {
  await signIn(page);
  await page.getByRole("link", { name: "clip", exact: true }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: "clip" })).toBeVisible();
  await page.getByRole("button", { name: "Play", exact: true }).first().click();
  await expect(page.locator("keyveil-player")).toBeVisible();
  await play(page.locator("keyveil-player video"));
  await expect.poll(() => pictures(page)).toBeGreaterThan(1);
  expect(complaints).toEqual([]);
});

test("the chosen language holds on every page and after a reload", async ({ page }) => {
  await page.goto(`${keyveil.origin}/`);
  await page.getByRole("button", { name: "中文" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("您的视频");
  await page.goto(`${keyveil.origin}/console/`);
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-CN");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("登录");
  await openPlayer(page);
  await expect(page.getByRole("button", { name: "播放", exact: true })).toBeVisible();
  await page.getByRole("button", { name: "English" }).click();
  for (const name of ["play", "unmute", "quality", "enter fullscreen mode"])
    await expect(page.getByRole("button", { name, exact: true })).toBeVisible();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  expect(complaints).toEqual([]);
});

test("the theme follows the system until one is chosen, which holds", async ({ page }) => {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`${keyveil.origin}/`);
  const light = await paper();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await paper();
  expect(dark).not.toBe(light);
  await page.getByRole("button", { name: "Theme: System" }).click();
  await expect(page.getByRole("button", { name: "Theme: Light" })).toBeFocused();
  expect(await paper()).toBe(light);
  await page.goto(`${keyveil.origin}/console/`);
  expect(await paper(), "on another page").toBe(light);
  expect(complaints).toEqual([]);
});

test("the player is worked by keyboard", async ({ page }) => {
  await openPlayer(page);
  expect(await paused(page)).toBe(true);
  await page.keyboard.press("Space");
  await expect.poll(() => pictures(page)).toBeGreaterThan(0.5);
  await page.keyboard.press("Space");
  await expect.poll(() => paused(page)).toBe(true);
  const before = await pictures(page);
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => pictures(page)).toBeCloseTo(before + 10, 0);
  const play = page.getByRole("button", { name: "play", exact: true });
  for (let tabs = 0; tabs < 12 && !(await play.evaluate((button) => button.matches(":focus"))); tabs += 1)
    await page.keyboard.press("Tab");
  await expect(play).toBeFocused();
  await page.keyboard.press("Space");
  await expect.poll(() => paused(page)).toBe(false);
  // The button does what it says, and learns a moment after the video what to say.
  await expect(page.getByRole("button", { name: "pause", exact: true })).toBeFocused();
  await page.keyboard.press("Space");
  await expect.poll(() => paused(page)).toBe(true);
  expect(complaints).toEqual([]);
});

test("the quality menu opens, chooses and closes by keyboard", async ({ page }) => {
  await openPlayer(page);
  const button = page.getByRole("button", { name: "quality" });
  const item = page.getByRole("menuitemradio", { name: "360p", exact: true });
  await button.focus();
  await page.keyboard.press("Enter");
  const first = page.getByRole("menuitemradio", { name: "480p", exact: true });
  // The menu takes the focus, and with it the keys, when it has faded in.
  await expect(first).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(item).toBeHidden();
  await expect(button).toBeFocused();
  await page.waitForTimeout(500);
  await page.keyboard.press("Enter");
  await expect(first).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(item).toBeFocused();
  await page.keyboard.press("Enter");
  const height = () =>
    page
      .locator("keyveil-player")
      .evaluate(({ player }) => player.qualities.find(({ id }) => id === player.quality)?.height);
  await expect.poll(height).toBe(360);
  expect(complaints).toEqual([]);
});

test("behind a failure nothing of the player can be reached", async ({ page }) => {
  await page.goto(keyveil.playerUrl.replace(/psign=.*/, "psign=not-a-signature"));
  await expect(page.locator("[data-code=psign_malformed]")).toBeVisible({ timeout: 30_000 });
  const link = page.getByRole("link", { name: "Open the console" });
  for (let tabs = 0; tabs < 6 && !(await link.evaluate((element) => element.matches(":focus"))); tabs += 1) {
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.tagName)).not.toBe("KEYVEIL-PLAYER");
  }
  await expect(link).toBeFocused();
});

test("no page is wider than a phone", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const beyond = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  for (const language of ["en", "zh"]) {
    await page.addInitScript((chosen) => localStorage.setItem("keyveil.language", chosen), language);
    await page.goto(`${keyveil.origin}/`);
    expect(await beyond(), `landing page, ${language}`).toBe(0);
    await page.goto(`${keyveil.origin}/console/`);
    expect(await beyond(), `form, ${language}`).toBe(0);
    await signIn(page);
    expect(await beyond(), `console, ${language}`).toBe(0);
    await page.context().clearCookies();
    await page.goto(`${keyveil.origin}/player/`);
    expect(await beyond(), `empty player, ${language}`).toBe(0);
    await openPlayer(page);
    expect(await beyond(), `player, ${language}`).toBe(0);
  }
  expect(complaints).toEqual([]);
});
