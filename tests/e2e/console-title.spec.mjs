// One title's page: playback, details, failure and retry, jobs with their logs, events, key releases.
import { change } from "../../www/test/mock/data.mjs";
import { choose, complaintsOf, expect, signedIn, startConsole } from "./lib/console.mjs";
import { test } from "./lib/test.mjs";

let server;

test.beforeEach(async ({ context }) => {
  server = await startConsole({ titles: 12 });
  await choose(context, {});
  await signedIn(context, server);
});

test.afterEach(() => server.close());

const titleOf = (fileId) => server.data.titles.find((title) => title.fileId === fileId);
const section = (page, name) => page.getByRole("region", { name, exact: true });

async function open(page, fileId) {
  await page.goto(server.address(`/titles/${fileId}`));
  await expect(section(page, "Details")).toBeVisible();
  await expect.poll(() => server.data.streams.size).toBe(1);
}

test("a published title is played by a signature made for it, and a refusal is told in words", async ({ page }) => {
  await open(page, "f10001");
  const asked = page.waitForRequest((request) => request.url().endsWith("/v1/player-signatures"));
  await page.getByRole("button", { name: "Play" }).click();
  expect((await asked).postDataJSON()).toMatchObject({ fileId: "f10001" });
  await expect(page.locator("keyveil-player")).toHaveAttribute("file-id", "f10001");
  // The stand-in has no media. What exactly is refused depends on whether the SDK was built for an installation.
  const refusal = page.locator(".title-stage .curtain.failed");
  await expect(refusal.getByRole("heading")).toHaveText(
    /The signature is not valid|The player was built without its secret/,
  );
  await expect(refusal.getByRole("button", { name: "Try again" })).toBeVisible();
  change(server.data, titleOf("f10001"), { state: "ready", publishedAt: null });
  await expect(section(page, "Video")).toContainText("Complete, and not published");
  await expect(page.locator("keyveil-player")).toHaveCount(0);
});

test("name, description and labels are edited, and what is wrong loses nothing", async ({ page }) => {
  const complaints = await complaintsOf(page);
  await open(page, "f10001");
  await page.getByRole("button", { name: "Edit details" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("Fill this in.")).toBeVisible();
  await dialog.getByLabel("Name").fill("Harbour <b>at dawn</b>");
  await dialog.getByLabel("Description").fill("Two lines\nof words");
  await dialog.getByLabel("Labels").fill("a，b");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Harbour <b>at dawn</b>");
  await expect(section(page, "Details")).toContainText("Two lines");
  expect(titleOf("f10001")).toMatchObject({ description: "Two lines\nof words", labels: ["a", "b"] });
  expect(complaints).toEqual([]);
});

test("a failed title says why and what helps, and is queued again by Retry", async ({ page }) => {
  await open(page, "f10004");
  await expect(page.locator("[data-code=source_unreadable]")).toContainText("Export it again");
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.locator(".page-title")).toContainText("Queued");
  await expect(page.locator("[data-code=source_unreadable]")).toHaveCount(0);
  await expect(section(page, "Jobs").getByRole("row")).toHaveCount(3);
});

test("what is made shows by itself: progress, then renditions and versions", async ({ page }) => {
  await open(page, "f10005");
  change(server.data, titleOf("f10005"), { percent: 77, leftSecs: 30 });
  await expect(page.locator(".page-title")).toContainText("77% · 30 secs left");
  await expect(section(page, "Renditions")).toContainText("listed once the title is complete");
  change(server.data, titleOf("f10005"), { state: "published", version: 1, percent: null, leftSecs: null, job: null });
  await expect(section(page, "Renditions").getByRole("row", { name: /1080p/ })).toContainText("1920 × 1080");
  await expect(section(page, "Versions")).toContainText("current");
  await expect(section(page, "Events")).toContainText("State changed: Published");
});

test("a job's log grows while it runs; the job is put first and cancelled", async ({ page }) => {
  await open(page, "f10005");
  const jobs = section(page, "Jobs");
  const { jobId } = titleOf("f10005").job;
  await jobs.getByRole("button", { name: `Log of ${jobId}` }).click();
  const log = page.getByRole("log");
  await expect(log).toContainText("41.7%");
  const lines = server.data.logs.get(jobId);
  lines.push({ seq: lines.length + 1, at: 1_800_000_000, line: "a line written later" });
  await expect(log).toContainText("a line written later");
  await expect(log.getByText("41.7%"), "no line comes twice").toHaveCount(1);
  await page.keyboard.press("Escape");
  await jobs.getByRole("button", { name: `Actions for ${jobId}` }).click();
  await expect(page.getByRole("menuitem", { name: "Run before others" }), "it runs already").toHaveCount(0);
  await page.getByRole("menuitem", { name: "Cancel job…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
  await expect(jobs).toContainText("Cancelled");
  await expect(page.locator(".page-title")).toContainText("Failed");
});

test("a queued job is put before others", async ({ page }) => {
  await open(page, "f10007");
  const { jobId } = titleOf("f10007").job;
  await section(page, "Jobs")
    .getByRole("button", { name: `Actions for ${jobId}` })
    .click();
  await page.getByRole("menuitem", { name: "Run before others" }).click();
  await expect(section(page, "Jobs")).toContainText("Priority 100");
});

test("key releases are counted by class and period, and no key is shown", async ({ page }) => {
  await open(page, "f10001");
  const releases = section(page, "Key releases");
  await expect(releases).toContainText("releases of 8 periods");
  await releases.getByText("Show each period").first().click();
  await expect(releases.getByRole("row")).toHaveCount(9);
  await expect(releases.getByRole("row").nth(1)).toContainText("320");
});

/** Lets `meanwhile` change the title after the server's answer to read number `held`, and before the page has that answer. */
async function heldRead(page, held, meanwhile) {
  await page.addInitScript(() => {
    window.heard = 0;
    const Source = window.EventSource;
    window.EventSource = class extends Source {
      constructor(...given) {
        super(...given);
        this.addEventListener("title", () => {
          window.heard += 1;
        });
      }
    };
  });
  const reads = [];
  await page.route("**/v1/titles/f10005", async (route) => {
    const answer = await route.fetch();
    reads.push(await answer.json());
    if (reads.length === held) {
      await expect.poll(() => server.data.streams.size).toBe(1);
      const before = await page.evaluate(() => window.heard);
      change(server.data, titleOf("f10005"), meanwhile);
      await page.waitForFunction((count) => window.heard === count, before + 1);
      // Changes are handed out a few times a second: this one was, before the answer that does not know it comes.
      await page.evaluate(() => new Promise((over) => setTimeout(over, 500)));
    }
    await route.fulfill({ response: answer });
  });
  return reads;
}

const PUBLISHED = { state: "published", version: 1, percent: null, leftSecs: null, job: null };

test("a change that comes while the title is being read is not lost", async ({ page }) => {
  const reads = await heldRead(page, 1, PUBLISHED);
  await open(page, "f10005");
  await expect(page.locator(".page-title")).toContainText("Published");
  await expect(section(page, "Renditions").getByRole("row", { name: /1080p/ })).toBeVisible();
  expect(reads.map(({ state }) => state)).toEqual(["transcoding", "published"]);
});

test("a change that comes while the title is being read anew is not undone", async ({ page }) => {
  const reads = await heldRead(page, 2, { name: "A later name" });
  await open(page, "f10005");
  change(server.data, titleOf("f10005"), PUBLISHED);
  await expect(section(page, "Renditions").getByRole("row", { name: /1080p/ })).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("A later name");
  expect(reads.map(({ state }) => state)).toEqual(["transcoding", "published"]);
  expect(reads[1].name).not.toBe("A later name");
});

test("a title that was deleted elsewhere says so", async ({ page }) => {
  await open(page, "f10001");
  change(server.data, titleOf("f10001"), { state: "deleted" });
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("This title was deleted");
});
