// Every message between page and worker, both ways, and a worker in the hands of page code that got hold of it.

import { play } from "../e2e/lib/play.mjs";
import { publishedSegments } from "../e2e/lib/published.mjs";
import { ClearMedia } from "../faults/lib/clear-media.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { countByHook, hookedContext, keysPassed, whatPassed } from "./lib/hooked-page.mjs";
import { askWorker, chooseNoQuality, firstLoad, sayOddThings } from "./lib/seized-worker.mjs";
import { callsOf, leaksBy } from "./lib/taps.mjs";
import { at, playsFrom } from "./lib/watched-page.mjs";

const MESSAGES = /(^|\.)(postMessage|structuredClone)$| message$/;
const WAYS = ["Worker.postMessage", "MessagePort.postMessage", "BroadcastChannel.postMessage"];
const ARRIVALS = ["Window message", "MessagePort message", "BroadcastChannel message"];

test("no message between page and worker has a secret, in either direction", async ({ taps }) => {
  const plain = await taps.plain();
  const stolen = leaksBy(MESSAGES, plain.secrets, [plain.page, ...plain.workers]);
  expect(stolen.hooks, "a plain player gives its worker the key").toEqual(
    expect.arrayContaining(["Worker.postMessage", "DedicatedWorkerGlobalScope message"]),
  );
  const leaked = leaksBy(MESSAGES, [plain.leaked], [plain.page]).hooks;
  expect(leaked).toEqual(expect.arrayContaining([...WAYS, ...ARRIVALS]));
  for (const level of ["sealed", "guarded"]) {
    const { page, workers, secrets } = await taps[level]();
    const { found } = leaksBy(MESSAGES, secrets, [page, ...workers]);
    const [posted, arrived] = [callsOf(/postMessage$/, [page, ...workers]), callsOf(/ message$/, [page, ...workers])];
    record({
      attack: `all messages, at both ends, ${level}`,
      player: found.length,
      control: stolen.found.length,
      figure: `${posted} posted, ${arrived} read; hls.js posts its worker the key of each segment`,
    });
    for (const [name, places] of [
      ["Worker message", [page]],
      ["DedicatedWorkerGlobalScope message", workers],
      ["Window.postMessage", workers],
    ])
      expect(callsOf(new RegExp(`^${name}$`), places), name).toBeGreaterThan(0);
    expect(found).toEqual([]);
  }
});

/** What the page is told by a worker that it asks for segments, for another level, and for what makes no sense. */
async function seize(context, target, level, load, known) {
  const page = await context.newPage();
  await page.goto(target.playerUrl(level));
  const video = page.locator("video");
  await play(video);
  await playsFrom(video, 0, 1);
  const workers = () => page.evaluate(() => globalThis.pageHooks.workers.length);
  const before = await workers();
  const other = level === "sealed" ? "guarded" : "sealed";
  const psign = new URLSearchParams(new URL(target.playerUrl()).hash.slice(1)).get("psign");
  const downgrade = other === "guarded" ? "application" : null;
  const played = await askWorker(page, { type: "play", psign, level: other, downgrade });
  expect(played).toMatchObject({ type: "failed", error: { code: "malformed_request" } });
  const answer = await askWorker(page, load);
  if (level === "sealed") {
    expect(answer).toMatchObject({ type: "failed", error: { code: "malformed_request" } });
  } else {
    expect(answer).toMatchObject({ type: "segment", status: 200 });
    expect(known.find(Buffer.from(answer.bytes, "base64")), "it is a clear segment").not.toBe(-1);
  }
  const seconds = await at(video);
  await sayOddThings(page);
  // Once more: nothing of that has opened the worker.
  expect((await askWorker(page, load)).type).toBe(level === "sealed" ? "failed" : "segment");
  await playsFrom(video, seconds, 3);
  expect(await workers(), "the worker did not have to be replaced").toBe(before);
  const then = await at(video);
  await chooseNoQuality(page);
  await playsFrom(video, then, 1.5);
  expect((await askWorker(page, load)).type).toBe(level === "sealed" ? "failed" : "segment");
  const passed = await whatPassed(page);
  await page.close();
  return { ...passed, clear: countByHook(passed.contents, (body) => known.find(body) !== -1) };
}

for (const container of ["fmp4", "ts"]) {
  test(`a seized worker hands out media at the guarded level only, and plays on whatever it is told, ${container}`, async ({
    browser,
    target,
  }) => {
    const title = container === "ts" ? await target.ts() : target;
    const known = new ClearMedia();
    for (const { clear } of publishedSegments(title.folder, title.keys)) known.add(clear);
    const context = await hookedContext(browser);
    const page = await context.newPage();
    await page.goto(title.playerUrl("guarded"));
    await play(page.locator("video"));
    await playsFrom(page.locator("video"), 0, 1);
    const load = await firstLoad(page);
    await page.close();
    const [sealed, guarded] = [
      await seize(context, title, "sealed", load, known),
      await seize(context, title, "guarded", load, known),
    ];
    await context.close();
    const clear = Object.values(guarded.clear).reduce((sum, count) => sum + count, 0);
    const keys = [sealed, guarded].map(({ contents }) => keysPassed(title.secrets, contents));
    record({
      attack: `a seized worker, asked for segments and keys, sealed, ${container}`,
      player: keys[0].length + Object.keys(sealed.clear).length,
      control: clear,
      figure: `clear media; the same at guarded, where the page gets its segments: ${clear} times, keys ${keys[1].length}`,
    });
    expect(keys, "no key passed").toEqual([[], []]);
    expect(sealed.clear).toEqual({});
    expect(sealed.hooks["Worker message"].binaries, "buffers and blobs from workers").toBe(0);
  });
}
