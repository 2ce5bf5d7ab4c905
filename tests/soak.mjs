// An hour of playback, sped up: `npm run soak [-- --minutes 60 --rate 8]`. Prints the heap of the page and of its worker after
// garbage collection, the worker's backing stores (wasm memory and buffers), and the number of workers, as a table.
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { makeClip } from "./e2e/lib/clips.mjs";
import { remove, scratch, start } from "./e2e/lib/installation.mjs";
import config from "./playwright.config.mjs";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, rate: { type: "string", default: "8" } },
});
const mediaSecs = Number(values.minutes) * 60;
const rate = Number(values.rate);
const SAMPLES = 20;
const CLIP_SECS = 300;

const folder = scratch();
const clip = makeClip(folder, "mp4", { secs: CLIP_SECS, size: "640x360" });
const data = scratch();
const keyveil = await start(clip, {
  data,
  packArgs: ["--segment-secs", "2", "--period-segments", "4", "--ladder", "copy"],
});
const browser = await chromium.launch(config.use.launchOptions);
try {
  const page = await browser.newPage();
  await page.goto(keyveil.playerUrl);
  const video = page.locator("keyveil-player video");
  await video.evaluate((element, speed) => {
    element.muted = true;
    element.playbackRate = speed;
    window.playedSecs = 0;
    let last = 0;
    element.addEventListener("timeupdate", () => {
      const step = element.currentTime - last;
      if (step > 0 && step < 30) window.playedSecs += step;
      last = element.currentTime;
    });
    element.addEventListener("ended", () => {
      element.currentTime = 0;
      element.play();
    });
    return element.play();
  }, rate);

  const cdp = await page.context().newCDPSession(page);
  const workers = new Map();
  cdp.on(
    "Target.attachedToTarget",
    ({ sessionId, targetInfo }) => targetInfo.type === "worker" && workers.set(sessionId, targetInfo.url),
  );
  cdp.on("Target.detachedFromTarget", ({ sessionId }) => workers.delete(sessionId));
  await cdp.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  let id = 0;
  /** Asks a worker by message, as sessions inside a page's session are not flattened. */
  const ask = (sessionId, method) =>
    new Promise((resolve) => {
      const wanted = ++id;
      const listener = (event) => {
        const answer = JSON.parse(event.message);
        if (event.sessionId !== sessionId || answer.id !== wanted) return;
        cdp.off("Target.receivedMessageFromTarget", listener);
        resolve(answer.result);
      };
      cdp.on("Target.receivedMessageFromTarget", listener);
      cdp.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id: wanted, method }) });
    });
  const mib = (bytes) => ((bytes ?? 0) / 2 ** 20).toFixed(1);

  console.log("played_secs page_heap_mib worker_heap_mib worker_backing_mib workers");
  for (let sample = 1; sample <= SAMPLES; sample++) {
    const goal = (mediaSecs * sample) / SAMPLES;
    await page.waitForFunction((secs) => window.playedSecs >= secs, goal, { timeout: 30 * 60_000, polling: 500 });
    await cdp.send("HeapProfiler.collectGarbage");
    const heap = await cdp.send("Runtime.getHeapUsage");
    const sums = { used: 0, backing: 0 };
    for (const [sessionId, url] of workers) {
      if (!url.includes("/sdk/worker.js")) continue;
      await ask(sessionId, "HeapProfiler.collectGarbage");
      const usage = await ask(sessionId, "Runtime.getHeapUsage");
      sums.used += usage.usedSize;
      sums.backing += usage.backingStorageSize ?? 0;
    }
    const played = Math.round(await page.evaluate(() => window.playedSecs));
    console.log(played, mib(heap.usedSize), mib(sums.used), mib(sums.backing), workers.size);
  }
} finally {
  await browser.close();
  await keyveil.stop();
  remove(folder);
  remove(data);
}
