// Uploads: many at once, dropped or chosen, paused, interrupted and gone on with, refused, cancelled; and by address.
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "@playwright/test";
import { choose, complaintsOf, expect, expectSound, signedIn, startConsole } from "./lib/console.mjs";

const CHUNK = 8 * 1024 * 1024;
let server;

test.beforeEach(async ({ page, context }) => {
  server = await startConsole({ titles: 4 });
  await choose(context, {});
  await signedIn(context, server);
  await page.goto(server.address());
  await expect(page.getByRole("table")).toBeVisible();
});

test.afterEach(() => server.close());

const video = (name, bytes, mimeType = "video/mp4") => ({ name, mimeType, buffer: Buffer.alloc(bytes, name) });
const pick = (page, ...files) => page.locator("input[type=file]").setInputFiles(files.length === 1 ? files[0] : files);
const begin = (page) => page.getByRole("button", { name: "Start upload" }).click();
const uploadRow = (page, name) => page.locator(`[data-upload="${name}"]`);
const titleNamed = (name) => server.data.titles.find((title) => title.name === name && title.state !== "deleted");
const offsetOf = (name) => [...server.data.uploads.values()].find(({ title }) => title.name === name)?.offset;

test("many files go up at once, with the names, workflow and labels that were wished", async ({ page }) => {
  const complaints = await complaintsOf(page);
  await pick(page, video("first_take.mp4", 300_000), video("second.mov", 200_000), video("third.mkv", 1));
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("heading")).toHaveText("Upload 3 files");
  await dialog.getByLabel("Name for first_take.mp4").fill("First take, final");
  await dialog.getByRole("button", { name: "Leave out third.mkv" }).click();
  await expect(dialog.getByRole("heading")).toHaveText("Upload 2 files");
  await dialog.getByLabel("Workflow").selectOption("Compact");
  await dialog.getByLabel("Labels").fill("course, 2026");
  await begin(page);
  for (const name of ["First take, final", "second"]) {
    await expect(uploadRow(page, name)).toContainText("uploaded");
    const made = titleNamed(name);
    expect(made).toMatchObject({ state: "queued", workflowId: "vod-compact", labels: ["course", "2026"] });
    await expect(page.locator(`tr[data-id="${made.fileId}"]`)).toContainText("Queued");
  }
  expect(titleNamed("third")).toBeUndefined();
  await expect(page.getByText("2 of 2 done")).toBeVisible();
  await expectSound(page, "uploads-done");
  await page.getByRole("button", { name: "Clear finished" }).click();
  await expect(page.getByRole("heading", { name: "Uploads" })).toHaveCount(0);
  expect(complaints).toEqual([]);
});

test("files dropped anywhere on the page are asked about", async ({ page }) => {
  const drag = async (type) =>
    page.evaluate((kind) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["x"], "dropped.mp4", { type: "video/mp4" }));
      document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    }, type);
  await drag("dragenter");
  await expect(page.getByText("Drop the files to upload them")).toBeVisible();
  await drag("drop");
  await expect(page.getByText("Drop the files to upload them")).toHaveCount(0);
  await expect(page.getByRole("dialog", { name: "Upload a file" })).toBeVisible();
  await begin(page);
  await expect(uploadRow(page, "dropped")).toContainText("uploaded");
});

test("a file of a kind that is not taken is refused in words, and the others go on", async ({ page }) => {
  await pick(page, video("notes.txt", 10, "text/plain"), video("fine.mp4", 10));
  await begin(page);
  await expect(uploadRow(page, "notes").getByRole("alert")).toContainText("does not take files of that kind");
  await expect(uploadRow(page, "fine")).toContainText("uploaded");
  await expectSound(page, "uploads-refused");
  server.data.apps[0].uploadTypes.push("txt");
  await page.getByRole("button", { name: "Try notes again" }).click();
  await expect(uploadRow(page, "notes")).toContainText("uploaded");
});

test("a pause holds, and going on sends only what is missing", async ({ page }) => {
  const total = 2 * CHUNK + 1000;
  server.data.uploadBytesPerSec = 3_000_000;
  await pick(page, video("long.mp4", total));
  await begin(page);
  await expect.poll(() => offsetOf("long"), { timeout: 30_000 }).toBeGreaterThanOrEqual(CHUNK);
  await page.getByRole("button", { name: "Pause long" }).click();
  await expect(uploadRow(page, "long")).toContainText("Paused");
  server.data.uploadBytesPerSec = 0;
  const patches = [];
  page.on(
    "request",
    (request) => request.method() === "PATCH" && patches.push(Number(request.headers()["upload-offset"])),
  );
  await page.getByRole("button", { name: "Resume long" }).click();
  await expect(uploadRow(page, "long")).toContainText("uploaded", { timeout: 30_000 });
  expect(Math.min(...patches)).toBeGreaterThanOrEqual(CHUNK);
  expect(titleNamed("long")).toMatchObject({ state: "queued", sizeBytes: total });
});

test("an upload that a reload interrupted goes on when its file is chosen again", async ({ page }) => {
  page.on("dialog", (leaving) => leaving.accept());
  const total = 2 * CHUNK + 1000;
  server.data.uploadBytesPerSec = 3_000_000;
  // On a disk, because it must be known again by its time.
  const file = join(tmpdir(), `interrupted-${process.pid}.mp4`);
  const name = `interrupted-${process.pid}`;
  writeFileSync(file, Buffer.alloc(total, 1));
  await pick(page, file);
  await begin(page);
  await expect.poll(() => offsetOf(name), { timeout: 30_000 }).toBeGreaterThanOrEqual(CHUNK);
  const { fileId } = titleNamed(name);
  await page.getByRole("button", { name: `Pause ${name}` }).click();
  server.data.uploadBytesPerSec = 0;
  await page.reload();
  await expect(uploadRow(page, name)).toContainText("This upload was interrupted");
  await expectSound(page, "uploads-interrupted");
  const patches = [];
  page.on(
    "request",
    (request) => request.method() === "PATCH" && patches.push(Number(request.headers()["upload-offset"])),
  );
  await pick(page, file);
  await begin(page);
  await expect(uploadRow(page, name)).toContainText("uploaded", { timeout: 30_000 });
  rmSync(file);
  expect(Math.min(...patches)).toBeGreaterThanOrEqual(CHUNK);
  expect(titleNamed(name)).toMatchObject({ fileId, state: "queued" });
});

test("a cancelled upload is gone, here and on the server", async ({ page }) => {
  server.data.uploadBytesPerSec = 1_000_000;
  await pick(page, video("regretted.mp4", CHUNK));
  await begin(page);
  await expect.poll(() => titleNamed("regretted")?.state).toBe("uploading");
  await page.getByRole("button", { name: "Cancel regretted" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel upload" }).click();
  await expect(uploadRow(page, "regretted")).toHaveCount(0);
  await expect.poll(() => titleNamed("regretted")).toBeUndefined();
});

test("a title is added by its address, and an address the server does not call is refused", async ({ page }) => {
  await page.getByRole("button", { name: "Add by URL" }).click();
  const dialog = page.getByRole("dialog", { name: "Add by URL" });
  await dialog.getByLabel("Address of the file").fill("ftp://example.com/a.mp4");
  await dialog.getByRole("button", { name: "Add title" }).click();
  await expect(dialog.getByText("begins with http:// or https://")).toBeVisible();
  await dialog.getByLabel("Address of the file").fill("http://localhost/a.mp4");
  await dialog.getByRole("button", { name: "Add title" }).click();
  await expect(dialog.getByRole("alert")).toContainText("The server does not call that address");
  await dialog.getByLabel("Address of the file").fill("https://example.com/fetched.mp4");
  await dialog.getByRole("button", { name: "Add title" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("row", { name: /fetched\.mp4/ })).toContainText("Uploading");
});
