// Every page of the console, wide and narrow, in both languages and themes: sound for assistive technology, and no wider than its window.
import { test } from "@playwright/test";
import {
  choose,
  complaintsOf,
  expect,
  expectSound,
  graveBreaches,
  LOOKS,
  PHONE,
  signedIn,
  startConsole,
} from "./lib/console.mjs";

let server;

test.beforeAll(async () => {
  server = await startConsole({ titles: 64 });
});

test.afterAll(() => server.close());

const ready = (page) => expect(page.locator(".ghost")).toHaveCount(0);
const show = (place, then) => async (page) => {
  await page.goto(server.anew(place));
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await ready(page);
  await then?.(page);
};
// What lies over a list is shown over a short one: the whole list is a page of its own here.
const SHORT = "/titles?search=harbour";
const dialog = (page) => expect(page.getByRole("dialog")).toBeVisible();

const PAGES = {
  titles: show("/titles", (page) => expect(page.getByRole("row")).toHaveCount(51)),
  "titles-none": show("/titles?search=nothing-like-it", (page) => expect(page.locator(".empty")).toBeVisible()),
  "title-published": show("/titles/f10001", (page) => expect(page.locator(".play-button")).toBeVisible()),
  "title-failed": show("/titles/f10004", (page) => expect(page.locator(".title-failed")).toBeVisible()),
  "title-transcoding": show("/titles/f10005", (page) => expect(page.getByRole("progressbar").first()).toBeVisible()),
  "title-unknown": show("/titles/nowhere", (page) => expect(page.getByRole("alert")).toBeVisible()),
  "no-page": show("/nowhere"),
  "dialog-upload": show(SHORT, async (page) => {
    const file = (name) => ({ name, mimeType: "video/mp4", buffer: Buffer.alloc(1_500_000) });
    await page.locator("input[type=file]").setInputFiles([file("one.mp4"), file("two.mp4")]);
    await dialog(page);
  }),
  "dialog-url": show(SHORT, async (page) => {
    await page.locator(".page-actions button").first().click();
    await dialog(page);
    await page.keyboard.press("Enter");
    await expect(page.locator(".field .problem")).toBeVisible();
  }),
  "dialog-delete": show("/titles/f10001", async (page) => {
    await page.locator(".page-actions button").last().click();
    await dialog(page);
  }),
  "dialog-edit": show("/titles/f10001", async (page) => {
    await page.locator("#details-heading + button").click();
    await dialog(page);
  }),
  "dialog-log": show("/titles/f10005", async (page) => {
    await page.locator("#jobs-heading").scrollIntoViewIfNeeded();
    await page.locator("[aria-labelledby=jobs-heading] .actions .button.small").first().click();
    await expect(page.getByRole("log")).toContainText("transcoding");
  }),
  "row-menu": show(SHORT, async (page) => {
    await page.locator("[data-id] .actions [aria-haspopup=menu]").nth(2).click();
    await expect(page.getByRole("menuitem").first()).toBeFocused();
  }),
  "account-menu": show(SHORT, async (page) => {
    await page.locator(".account-button").click();
    await expect(page.getByRole("menuitem").first()).toBeFocused();
  }),
  "filter-menu": show(SHORT, async (page) => {
    await page.locator(".filter-button").first().click();
    await expect(page.locator(".filter-menu input").first()).toBeFocused();
  }),
};

for (const look of LOOKS) {
  test(`every page is sound: ${look.name}`, async ({ page, context }) => {
    await page.setViewportSize(look.viewport);
    await choose(context, look);
    const complaints = await complaintsOf(page);
    server.data.signedIn = false;
    await page.goto(server.address());
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expectSound(page, `sign-in-${look.name}`);
    // Chromium itself reports the 401 that says nobody is signed in, and the 404 of the unknown title.
    const reported = /status of (401|404)/;
    await signedIn(context, server);
    for (const [name, open] of Object.entries(PAGES)) {
      await open(page);
      await expectSound(page, `${name}-${look.name}`);
    }
    expect(complaints.filter((text) => !reported.test(text))).toEqual([]);
  });
}

test("what is unsound is noticed", async ({ page, context }) => {
  await signedIn(context, server);
  await show("/titles")(page);
  await page.evaluate(() => {
    document.querySelector(".page-actions button").textContent = "";
    document.querySelector(".page-header .soft").style.color = "#ddd";
  });
  const ids = (await graveBreaches(page)).map((line) => line.split(":")[0]);
  expect(ids).toEqual(expect.arrayContaining(["button-name", "color-contrast"]));
});

test("on a phone the navigation is a menu: it opens, leads on and closes by keyboard", async ({ page, context }) => {
  await page.setViewportSize(PHONE);
  await signedIn(context, server);
  await choose(context, {});
  await page.goto(server.address());
  const navigation = page.getByRole("navigation", { name: "Console" });
  await expect(navigation).toBeHidden();
  const opener = page.getByRole("button", { name: "Menu" });
  await opener.focus();
  await page.keyboard.press("Enter");
  await expect(navigation).toBeVisible();
  await expectSound(page, "navigation-phone");
  await page.keyboard.press("Escape");
  await expect(navigation).toBeHidden();
  await expect(opener).toBeFocused();
  await page.keyboard.press("Enter");
  await navigation.getByRole("link", { name: "Keys" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Keys");
  await expect(navigation).toBeHidden();
});

test("skipping to the content keeps the place, and a new page takes the focus", async ({ page, context }) => {
  await signedIn(context, server);
  await choose(context, {});
  await page.goto(server.address("/titles/f10001"));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Harbour: field notes");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
  expect(page.url()).toBe(server.address("/titles/f10001"));
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Back to Titles" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Titles");
  await expect(page.locator("main")).toBeFocused();
});
