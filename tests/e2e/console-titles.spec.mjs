// The list of titles: live, searched, filtered, paged, and acted upon.
import { test } from "@playwright/test";
import { blank, change } from "../../www/test/mock/data.mjs";
import { choose, complaintsOf, expect, signedIn, startConsole } from "./lib/console.mjs";

let server;
let complaints;

test.beforeEach(async ({ page, context }) => {
  server = await startConsole({ titles: 130 });
  await choose(context, {});
  await signedIn(context, server);
  complaints = await complaintsOf(page);
});

test.afterEach(() => server.close());

const rows = (page) => page.locator("tr[data-id]");
const row = (page, fileId) => page.locator(`tr[data-id="${fileId}"]`);
const titleOf = (fileId) => server.data.titles.find((title) => title.fileId === fileId);

async function open(page, place) {
  await page.goto(server.address(place));
  await expect(rows(page).first()).toBeVisible();
  await expect.poll(() => server.data.streams.size).toBe(1);
}

test("rows change in place and keep the focus; new titles appear, deleted ones go", async ({ page }) => {
  await open(page);
  const transcoding = row(page, "f10005");
  const menu = transcoding.getByRole("button", { name: /^Actions/ });
  await menu.focus();
  change(server.data, titleOf("f10005"), { percent: 63.2, leftSecs: 90 });
  await expect(transcoding).toContainText("63% · 1 min 30 secs left");
  await expect(transcoding.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "63");
  await expect(menu).toBeFocused();
  expect(await rows(page).evaluateAll((all) => all.findIndex((one) => one.dataset.id === "f10005"))).toBe(5);
  const made = { ...blank(server.data, 1000001, "Brand new"), fileId: "brand-new" };
  server.data.titles.push(made);
  change(server.data, made, {});
  await expect(rows(page).first()).toContainText("Brand new");
  await expect(menu).toBeFocused();
  change(server.data, titleOf("f10001"), { state: "deleted" });
  await expect(row(page, "f10001")).toHaveCount(0);
  const foreign = { ...blank(server.data, 1000002, "Of another application"), fileId: "foreign" };
  server.data.titles.push(foreign);
  change(server.data, foreign, {});
  change(server.data, made, { name: "Renamed" });
  await expect(rows(page).first()).toContainText("Renamed");
  await expect(page.getByText("Of another application")).toHaveCount(0);
  expect(complaints).toEqual([]);
});

test("a stream that breaks is taken up again, and what happened meanwhile is shown", async ({ page }) => {
  await open(page);
  for (const { response } of server.data.streams) response.destroy();
  await expect.poll(() => server.data.streams.size).toBe(0);
  change(server.data, titleOf("f10003"), { name: "Changed while nobody listened" });
  await expect(row(page, "f10003")).toContainText("Changed while nobody listened", { timeout: 15_000 });
});

test("search, filters and order stand in the address and hold after a reload", async ({ page }) => {
  await open(page);
  await page.getByRole("searchbox").fill("kiln");
  await expect(page).toHaveURL(/search=kiln/);
  await expect(rows(page).filter({ hasNotText: "Kiln" })).toHaveCount(0);
  await page.getByRole("button", { name: "State" }).click();
  await page.getByRole("checkbox", { name: "Published" }).check();
  await page.keyboard.press("Escape");
  await expect(rows(page).filter({ hasNotText: "Published" })).toHaveCount(0);
  const found = await rows(page).count();
  expect(found).toBeGreaterThan(1);
  await page.getByRole("combobox", { name: "Order" }).selectOption("Longest");
  await expect(page.getByRole("columnheader", { name: "Duration" })).toHaveAttribute("aria-sort", "descending");
  await page.reload();
  await expect(page.getByRole("searchbox")).toHaveValue("kiln");
  await expect(rows(page)).toHaveCount(found);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page.getByRole("searchbox")).toHaveValue("");
  await expect(rows(page)).toHaveCount(50);
  expect(complaints).toEqual([]);
});

test("a column's heading sorts, and sorts the other way", async ({ page }) => {
  await open(page);
  const sort = page.getByRole("button", { name: "Name" });
  const first = () => rows(page).first().getByRole("rowheader").textContent();
  await sort.click();
  await expect.poll(first).toContain("Delta");
  await sort.click();
  await expect.poll(first).toContain("Workshop");
});

test("pages are added one by one to the last", async ({ page }) => {
  await open(page);
  await expect(rows(page)).toHaveCount(50);
  await page.getByRole("button", { name: "Load more" }).click();
  await expect(rows(page)).toHaveCount(100);
  await page.getByRole("button", { name: "Load more" }).click();
  await expect(rows(page)).toHaveCount(130);
  await expect(page.getByText("130, that’s all")).toBeVisible();
  await expect(page.getByRole("button", { name: "Load more" })).toHaveCount(0);
});

test("a list that can't be read says so, and can be read again", async ({ page }) => {
  await open(page);
  server.refuseNext("GET /v1/titles", "unavailable", 503);
  await page.getByRole("searchbox").fill("nothing-like-it");
  await expect(page.getByRole("alert")).toContainText("busy");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "Nothing matches" })).toBeVisible();
});

test("a title is published, taken back and deleted by keyboard, and only what was confirmed is done", async ({
  page,
}) => {
  await open(page);
  const ready = row(page, "f10002");
  const menu = ready.getByRole("button", { name: "Actions for Kiln" });
  const act = async (name) => {
    await menu.focus();
    await page.keyboard.press("Enter");
    const item = page.getByRole("menuitem", { name });
    await expect(page.getByRole("menuitem").first()).toBeFocused();
    for (let steps = 0; steps < 8 && !(await item.evaluate((it) => it.matches(":focus"))); steps += 1)
      await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
  };
  await act("Publish");
  await expect(ready).toContainText("Published");
  await expect(page.getByRole("status")).toContainText("is published");
  await act("Unpublish");
  await page.getByRole("dialog").getByRole("button", { name: "Unpublish" }).click();
  await expect(ready).toContainText("Ready");
  await act("Delete…");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Kiln: lesson 4");
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(menu).toBeFocused();
  expect(titleOf("f10002").state).toBe("ready");
  await act("Delete…");
  await dialog.getByRole("button", { name: "Delete title" }).click();
  await expect(ready).toHaveCount(0);
  expect(titleOf("f10002").state).toBe("deleted");
  expect(complaints).toEqual([]);
});

test("an act that the server refuses is told in the dialog, which stays", async ({ page }) => {
  await open(page);
  await row(page, "f10001")
    .getByRole("button", { name: /^Actions/ })
    .click();
  await page.getByRole("menuitem", { name: "Re-encrypt…" }).click();
  server.refuseNext("POST /v1/titles/f10001/reencrypt", "title_state", 409);
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Re-encrypt" }).click();
  await expect(dialog.getByRole("alert")).toContainText("The title is in another state by now");
  await dialog.getByRole("button", { name: "Re-encrypt" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(row(page, "f10001")).toContainText("Re-encrypting");
});

test("ten thousand titles are never loaded all at once", async ({ page, context }) => {
  await server.close();
  server = await startConsole({ titles: 10_000 });
  await signedIn(context, server);
  const asked = [];
  page.on(
    "request",
    (request) => request.url().includes("/v1/titles?") && asked.push(new URL(request.url()).searchParams),
  );
  await open(page);
  await expect(rows(page)).toHaveCount(50);
  expect(asked.every((query) => Number(query.get("limit")) <= 50)).toBe(true);
  await page.getByRole("searchbox").fill("f19999");
  await expect(rows(page)).toHaveCount(1);
  expect(asked.length).toBeLessThan(5);
});
