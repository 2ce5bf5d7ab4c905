// What a content owner does, start to end, in a real browser: sign in, drop files, watch, play, take off the air.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { makeClip } from "./lib/clips.mjs";
import { drop } from "./lib/drop.mjs";
import { remove, scratch, start } from "./lib/installation.mjs";
import { play } from "./lib/play.mjs";
import { closeContext, test } from "./lib/test.mjs";

test.describe.configure({ mode: "serial" });

let folder;
let keyveil;
let page;
const fileIds = {};
const errors = [];

test.beforeAll(async ({ browser }) => {
  test.setTimeout(900_000);
  folder = scratch();
  keyveil = await start(makeClip(folder, "mp4", { secs: 4 }));
  page = await (await browser.newContext()).newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
});

test.afterAll(async () => {
  if (page) await closeContext(page.context());
  await keyveil?.stop();
  remove(folder);
});

const row = (name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
const picture = (name) => page.screenshot({ path: join("test-results", "pictures", `workflow-${name}.png`) });

test.afterEach(() => expect(errors).toEqual([]));

test("a wrong password is refused in words, the right one leads to the titles", async () => {
  await page.goto(keyveil.consoleUrl);
  await page.getByLabel("Name", { exact: true }).fill(keyveil.user.name);
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("wrong");
  await picture("sign-in-refused");
  await page.getByLabel("Password", { exact: true }).fill(keyveil.user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Titles" })).toBeVisible();
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ name: "keyveil_session", httpOnly: true, sameSite: "Strict" });
});

test("of three dropped files two are published, and one fails with a sentence that helps", async () => {
  test.setTimeout(300_000);
  const film = makeClip(folder, "mp4", { name: "film", secs: 90, size: "640x360" });
  const lecture = makeClip(folder, "webm", { name: "lecture", secs: 20, size: "640x360" });
  const notes = join(folder, "notes.mp4");
  writeFileSync(notes, "These are notes, and no video.\n".repeat(200));

  await drop(page, [film, lecture, notes]);
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Workflow").selectOption({ label: "Demonstration" });
  await dialog.getByRole("button", { name: "Start upload" }).click();
  const percents = await watchPercents(page, async () => {
    await expect(row("film").getByText("Published", { exact: true })).toBeVisible({ timeout: 200_000 });
    await expect(row("lecture").getByText("Published", { exact: true })).toBeVisible({ timeout: 200_000 });
    await expect(row("notes").getByText("Failed", { exact: true })).toBeVisible({ timeout: 60_000 });
  });
  await picture("three-files");
  // How many depends on the machine: a fast one has the work done between two looks.
  const between = percents.filter((percent) => Number(percent) > 0 && Number(percent) < 100);
  expect(new Set(between).size, `percents were seen on their way: ${percents}`).toBeGreaterThan(0);

  for (const name of ["film", "lecture", "notes"]) {
    const address = await row(name).getByRole("link", { name, exact: true }).getAttribute("href");
    fileIds[name] = address.split("/").at(-1);
  }
  await row("notes").getByRole("link", { name: "notes", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "notes" })).toBeVisible();
  await expect(page.getByText(/holds no video|not a video|no video/i).first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "Jobs" })).toBeVisible();
  await picture("failed-title");
});

test("a published title plays on its own page", async () => {
  await page.goto(`${keyveil.consoleUrl}#/titles/${fileIds.film}`);
  await page.getByRole("button", { name: "Play", exact: true }).first().click();
  const video = page.locator("keyveil-player video");
  await play(video);
  await expect.poll(() => video.evaluate((element) => element.currentTime), { timeout: 60_000 }).toBeGreaterThan(3);
  const frames = await video.evaluate((element) => element.getVideoPlaybackQuality().totalVideoFrames);
  expect(frames, "frames were really decoded").toBeGreaterThan(30);
  await picture("playing");
});

test("once unpublished it is refused, and once published again it plays", async () => {
  const playerPage = await page.context().newPage();
  const address = await signedAddress();
  await playerPage.goto(address);
  const video = playerPage.locator("keyveil-player video");
  await expect.poll(() => video.evaluate((element) => element.readyState).catch(() => 0)).toBeGreaterThan(0);

  await act("Unpublish", "Unpublish");
  await expect(page.getByText("Ready", { exact: true }).first()).toBeVisible();
  await playerPage.reload();
  await expect(playerPage.locator("[data-code=title_not_found]")).toBeVisible({ timeout: 30_000 });
  await picture("unpublished");

  await act("Publish");
  await expect(page.getByText("Published", { exact: true }).first()).toBeVisible();
  await playerPage.reload();
  await expect.poll(() => video.evaluate((element) => element.readyState).catch(() => 0)).toBeGreaterThan(0);
  await playerPage.close();
});

test("encrypted anew, it plays on under other keys", async () => {
  test.setTimeout(120_000);
  const playerPage = await page.context().newPage();
  // What lies behind 30 s stays on its way until the title has its new version.
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  await playerPage.route(/\/seg-000(1[5-9]|2\d)\./, async (route) => {
    await released;
    await route.continue().catch(() => {});
  });
  await playerPage.goto(await signedAddress());
  const video = playerPage.locator("keyveil-player video");
  await play(video);
  await expect.poll(() => video.evaluate((element) => element.currentTime)).toBeGreaterThan(1);

  const before = await title();
  await act("Re-encrypt…", "Re-encrypt");
  await expect.poll(async () => (await title()).version, { timeout: 60_000 }).toBeGreaterThan(before.version);
  expect((await title()).state, "it was published all the while").toBe("published");

  // The session that was open goes on with the version it began with, also with media that came after.
  expect(await video.evaluate(({ buffered }) => buffered.end(buffered.length - 1))).toBeLessThan(44);
  release();
  await video.evaluate((element) => {
    element.currentTime = 45;
  });
  await expect.poll(() => video.evaluate((element) => element.currentTime), { timeout: 60_000 }).toBeGreaterThan(46);
  await expect(playerPage.locator("#stage .curtain")).toHaveCount(0);
  // A new one begins with the new version.
  await playerPage.goto(await signedAddress());
  await expect.poll(() => video.evaluate((element) => element.readyState).catch(() => 0)).toBeGreaterThan(0);
  await playerPage.close();
});

/** Works an item of the title page's actions, and confirms where that is asked. */
async function act(name, confirm = null) {
  const direct = page.getByRole("button", { name, exact: true });
  if (await direct.isVisible()) await direct.click();
  else {
    await page
      .getByRole("button", { name: /^Actions/ })
      .first()
      .click();
    await page.getByRole("menuitem", { name, exact: true }).click();
  }
  if (confirm) await page.getByRole("dialog").getByRole("button", { name: confirm, exact: true }).click();
}

const title = () => keyveil.api("GET", `/v1/titles/${fileIds.film}`);

async function signedAddress() {
  const { psign } = await keyveil.api("POST", "/v1/player-signatures", { fileId: fileIds.film });
  return `${keyveil.origin}/player/#${new URLSearchParams({ file: fileIds.film, psign })}`;
}

/** Every value that a progress bar of the page showed while `act` went on. */
async function watchPercents(watched, act) {
  await watched.evaluate(() => {
    window.seenPercents = [];
    const look = () => {
      for (const bar of document.querySelectorAll("progress, [role=progressbar]")) {
        const value = bar.getAttribute("aria-valuenow") ?? bar.getAttribute("value");
        if (value !== null && window.seenPercents.at(-1) !== value) window.seenPercents.push(value);
      }
    };
    window.percentWatch = setInterval(look, 50);
  });
  await act();
  return watched.evaluate(() => {
    clearInterval(window.percentWatch);
    return window.seenPercents;
  });
}
