// An hour of playback, sped up, at each level and by plain hls.js on the same clip in clear: `npm run soak [-- --minutes 60 --rate 8
// --players plain,guarded,sealed]`. They play side by side, each in a browser of its own. Prints for each the heap of the page and of
// its workers after garbage collection, the memory that its renderer processes hold (wasm and media buffers are in there), the number
// of workers, and how often playback stood still.
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { makeClip } from "./e2e/lib/clips.mjs";
import { remove, scratch } from "./e2e/lib/installation.mjs";
import { openStage, PLAYERS } from "./e2e/lib/stage/stage.mjs";
import config from "./playwright.config.mjs";

const { values } = parseArgs({
  options: {
    players: { type: "string", default: PLAYERS.join(",") },
    minutes: { type: "string", default: "60" },
    rate: { type: "string", default: "8" },
  },
});
/** How many workers play: hls.js on the page has one of its own. */
const WORKERS = { plain: 1, guarded: 2, sealed: 1 };
const players = values.players.split(",");
for (const player of players) if (!(player in WORKERS)) throw new Error(`--players is a list of ${PLAYERS.join(", ")}`);
const mediaSecs = Number(values.minutes) * 60;
const rate = Number(values.rate);
const SAMPLES = 20;
const CLIP_SECS = 300;
const HEADING = "player played_secs page_heap_mib worker_heap_mib renderers_mib workers stalls seeking_stalls";

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resident bytes of the renderers below a browser's process. */
function renderersResident(browserPid) {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,rss=,args="], { encoding: "utf8", maxBuffer: 16 << 20 })
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter(Boolean)
    .map(([, pid, ppid, kib, args]) => ({ pid: Number(pid), ppid: Number(ppid), bytes: Number(kib) * 1024, args }));
  const below = new Set([browserPid]);
  for (let grew = true; grew; ) {
    const found = rows.filter(({ pid, ppid }) => below.has(ppid) && !below.has(pid));
    for (const { pid } of found) below.add(pid);
    grew = found.length > 0;
  }
  const renderers = rows.filter(({ pid, args }) => below.has(pid) && args.includes("--type=renderer"));
  return renderers.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Runs in the page: plays for ever, and counts. A stall at the seek to the beginning is the seek's own. */
async function playForEver(speed) {
  await window.stage.prepare();
  window.stage.attach();
  await window.stage.behind(1);
  const { video } = window.stage;
  Object.assign(window, { playedSecs: 0, stalls: 0, seekingStalls: 0 });
  let last = video.currentTime;
  let hasLanded = true;
  video.addEventListener("seeking", () => {
    hasLanded = false;
  });
  video.addEventListener("playing", () => {
    hasLanded = true;
  });
  video.addEventListener("waiting", () => {
    if (hasLanded) window.stalls += 1;
    else window.seekingStalls += 1;
  });
  video.addEventListener("timeupdate", () => {
    const step = video.currentTime - last;
    if (step > 0 && step < 30) window.playedSecs += step;
    last = video.currentTime;
  });
  video.addEventListener("ended", () => {
    video.currentTime = 0;
    video.play();
  });
  video.playbackRate = speed;
}

/** The page's workers by the debugging protocol: { size, heapUsed() }. */
async function workersOf(cdp) {
  const sessions = new Set();
  cdp.on(
    "Target.attachedToTarget",
    ({ sessionId, targetInfo }) => targetInfo.type === "worker" && sessions.add(sessionId),
  );
  cdp.on("Target.detachedFromTarget", ({ sessionId }) => sessions.delete(sessionId));
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
  return {
    get size() {
      return sessions.size;
    },
    async heapUsed() {
      let bytes = 0;
      for (const sessionId of sessions) {
        await ask(sessionId, "HeapProfiler.collectGarbage");
        bytes += (await ask(sessionId, "Runtime.getHeapUsage")).usedSize;
      }
      return bytes;
    },
  };
}

async function soak(player, address) {
  const server = await chromium.launchServer(config.use.launchOptions);
  try {
    const browser = await chromium.connect(server.wsEndpoint());
    const page = await browser.newPage();
    await page.goto(address);
    await page.evaluate(playForEver, rate);
    const cdp = await page.context().newCDPSession(page);
    const workers = await workersOf(cdp);
    for (let sample = 1; sample <= SAMPLES; sample++) {
      const goal = (mediaSecs * sample) / SAMPLES;
      while ((await page.evaluate(() => window.playedSecs)) < goal) {
        const errors = await page.evaluate(() => window.stage.errors);
        if (errors.length > 0) throw new Error(`${player}: ${JSON.stringify(errors)}`);
        await sleep(500);
      }
      await cdp.send("HeapProfiler.collectGarbage");
      const heap = mib((await cdp.send("Runtime.getHeapUsage")).usedSize);
      const workerHeap = mib(await workers.heapUsed());
      const seen = await page.evaluate(() => [Math.round(window.playedSecs), window.stalls, window.seekingStalls]);
      const [played, stalls, seekingStalls] = seen;
      const resident = mib(renderersResident(server.process().pid));
      console.log(player, played, heap, workerHeap, resident, workers.size, stalls, seekingStalls);
      if (workers.size !== WORKERS[player])
        throw new Error(`${workers.size} workers, not ${WORKERS[player]}: not ${player}`);
    }
  } finally {
    await server.close();
  }
}

const folder = scratch();
const data = scratch();
const clip = makeClip(folder, "mp4", { secs: CLIP_SECS, size: "640x360" });
const stage = await openStage(clip, { data, workflow: { ladder: { kind: "copy" } } });
try {
  console.log(HEADING);
  const ended = await Promise.allSettled(players.map(async (player) => soak(player, await stage.address(player))));
  for (const { reason } of ended) if (reason) throw reason;
} finally {
  await stage.stop();
  remove(folder);
  remove(data);
}
