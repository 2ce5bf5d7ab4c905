// The console loaded again and again in one window: each time it shows what was asked for, and what it leaves holds nothing of the server.
import { test } from "@playwright/test";
import { choose, expect, signedIn, startConsole } from "./lib/console.mjs";

const LOADS = 30;

let server;

test.beforeAll(async () => {
  server = await startConsole({ titles: 4 });
});

test.afterAll(() => server.close());

/** Runs in the page before its scripts: as on a machine so busy that every answer is there before the frame after the question. */
function framesComeLate() {
  const LATE_MS = 60;
  const after = window.setTimeout.bind(window);
  window.requestAnimationFrame = (draw) => after(() => draw(performance.now()), LATE_MS);
  window.setTimeout = (act, ms = 0, ...given) => after(act, Math.max(ms, LATE_MS), ...given);
}

test("thirty loads in one window show the page, also where an answer is there before a frame", async ({
  page,
  context,
}) => {
  await signedIn(context, server);
  await choose(context, {});
  await context.addInitScript(framesComeLate);
  for (let load = 1; load <= LOADS; load += 1) {
    // Another query than before: a change of the fragment alone would load nothing.
    await page.goto(`${server.origin}/console/?load=${load}#/titles`);
    await expect(page.getByRole("row"), `load ${load}`).toHaveCount(5);
  }
  await expect.poll(() => server.data.streams.size, "one stream, that of the last page").toBe(1);
});
