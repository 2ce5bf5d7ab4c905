// An hour of playback, sped up: `npm run soak [-- --level sealed --minutes 60 --rate 8]`. Prints the heap of the page and of its
// workers after garbage collection, the memory that all renderer processes hold (wasm and media buffers are in there), the number of
// workers, and how often playback stood still, as a table.
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { makeClip } from "./e2e/lib/clips.mjs";
import { remove, scratch, start } from "./e2e/lib/installation.mjs";
import config from "./playwright.config.mjs";

const { values } = parseArgs({
  options: {
    level: { type: "string", default: "sealed" },
    minutes: { type: "string", default: "60" },
    rate: { type: "string", default: "8" },
  },
});
/** How many workers play at each level: hls.js on the page has one of its own. */
const WORKERS = { sealed: 1, guarded: 2 };
const { level } = values;
if (!(level in WORKERS)) throw new Error("--level is sealed or guarded");
const mediaSecs = Number(values.minutes) * 60;
const rate = Number(values.rate);
const SAMPLES = 20;
const CLIP_SECS = 300;

const folder = scratch();
const clip = makeClip(folder, "mp4", { secs: CLIP_SECS, size: "640x360" });
const data = scratch();
const keyveil = await start(clip, {
  data,
  workflow: { ladder: { kind: "copy" } },
});
const browserServer = await chromium.launchServer(config.use.launchOptions);
const browser = await chromium.connect(browserServer.wsEndpoint());

/** Resident bytes of the renderers below the browser's process. */
function renderersResident() {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,rss=,args="], { encoding: "utf8", maxBuffer: 16 << 20 })
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter(Boolean)
    .map(([, pid, ppid, kib, args]) => ({ pid: Number(pid), ppid: Number(ppid), bytes: Number(kib) * 1024, args }));
  const below = new Set([browserServer.process().pid]);
  for (let grew = true; grew; ) {
    const found = rows.filter(({ pid, ppid }) => below.has(ppid) && !below.has(pid));
    for (const { pid } of found) below.add(pid);
    grew = found.length > 0;
  }
  const renderers = rows.filter(({ pid, args }) => below.has(pid) && args.includes("--type=renderer"));
  return renderers.reduce((sum, { bytes }) => sum + bytes, 0);
}

try {
  const page = await browser.newPage();
  await page.goto(`${keyveil.playerUrl}&level=${level}`);
  const video = page.locator("keyveil-player video");
  await video.evaluate(async (element, speed) => {
    while (element.readyState < 2) await new Promise((resolve) => setTimeout(resolve, 100));
    element.muted = true;
    element.playbackRate = speed;
    window.playedSecs = 0;
    window.stalls = 0;
    element.addEventListener("waiting", () => {
      if (!element.seeking) window.stalls += 1;
    });
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
  const workers = new Set();
  cdp.on(
    "Target.attachedToTarget",
    ({ sessionId, targetInfo }) => targetInfo.type === "worker" && workers.add(sessionId),
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
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);

  console.log(`${level}\nplayed_secs page_heap_mib worker_heap_mib renderers_mib workers stalls`);
  for (let sample = 1; sample <= SAMPLES; sample++) {
    const goal = (mediaSecs * sample) / SAMPLES;
    while ((await page.evaluate(() => window.playedSecs)) < goal)
      await new Promise((resolve) => setTimeout(resolve, 500));
    await cdp.send("HeapProfiler.collectGarbage");
    const heap = await cdp.send("Runtime.getHeapUsage");
    let workerHeap = 0;
    for (const sessionId of workers) {
      await ask(sessionId, "HeapProfiler.collectGarbage");
      workerHeap += (await ask(sessionId, "Runtime.getHeapUsage")).usedSize;
    }
    const [played, stalls] = await page.evaluate(() => [Math.round(window.playedSecs), window.stalls]);
    console.log(played, mib(heap.usedSize), mib(workerHeap), mib(renderersResident()), workers.size, stalls);
    if (workers.size !== WORKERS[level])
      throw new Error(`${workers.size} workers, not ${WORKERS[level]}: not ${level}`);
  }
} finally {
  await browserServer.close();
  await keyveil.stop();
  remove(folder);
  remove(data);
}
