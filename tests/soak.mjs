// An hour of playback, sped up, at each level and by plain hls.js on the same clip in clear: `npm run soak [-- --minutes 60 --rate 8
// --players plain,guarded,sealed]`. They play side by side, each in a browser of its own. Prints for each the heap of the page and of
// its workers after garbage collection, the memory of its workers' wasm, what its renderer processes hold (media buffers are in there),
// the number of workers, and how often playback stood still. Plots of it are written to test-results/soak.
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { renderersResident, workersOf } from "./bench/memory.mjs";
import { plotOf } from "./bench/plot.mjs";
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
/** How many workers play: hls.js on the page has one of its own where it is not told that fMP4 needs none. */
const WORKERS = { plain: 1, guarded: 1, sealed: 1 };
const players = values.players.split(",");
for (const player of players) if (!(player in WORKERS)) throw new Error(`--players is a list of ${PLAYERS.join(", ")}`);
const mediaSecs = Number(values.minutes) * 60;
const rate = Number(values.rate);
const SAMPLES = 20;
/** As long as that nobody stands still who recovers by himself: a retry of hls.js has eight seconds at most. */
const STANDSTILL_MS = 60_000;
const CLIP_SECS = 300;
const PLOTS = "test-results/soak";
/** What is told of each sample, and whether it is plotted. */
const COLUMNS = {
  played_secs: false,
  page_heap_mib: true,
  worker_heap_mib: true,
  wasm_mib: true,
  renderers_mib: true,
  workers: true,
  stalls: true,
  seeking_stalls: true,
};

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs in the page: plays for ever, and counts. A stall at the seek to the beginning is the seek's own. */
async function playForEver(speed) {
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

/** Resolves once so much was played; rejects with an error of the player, or where playback stands still, with what can be seen of it. */
async function playedUntil(page, player, goalSecs) {
  let last = { playedSecs: -1, at: 0 };
  for (;;) {
    const { playedSecs, errors } = await page.evaluate(() => ({
      playedSecs: window.playedSecs,
      errors: window.stage.errors,
    }));
    if (errors.length > 0) throw new Error(`${player}: ${JSON.stringify(errors)}`);
    if (playedSecs >= goalSecs) return;
    if (playedSecs > last.playedSecs) last = { playedSecs, at: performance.now() };
    if (performance.now() - last.at > STANDSTILL_MS)
      throw new Error(
        `${player} stands still after ${playedSecs} s: ${JSON.stringify(await page.evaluate(videoState))}`,
      );
    await sleep(500);
  }
}

/** Runs in the page. */
function videoState() {
  const { video } = window.stage;
  const { buffered } = video;
  return {
    currentTime: video.currentTime,
    duration: video.duration,
    buffered: Array.from({ length: buffered.length }, (_, at) => [buffered.start(at), buffered.end(at)]),
    readyState: video.readyState,
    networkState: video.networkState,
    paused: video.paused,
    ended: video.ended,
    seeking: video.seeking,
    rate: video.playbackRate,
    error: video.error?.message ?? null,
    requests: performance
      .getEntriesByType("resource")
      .slice(-5)
      .map(({ name, startTime, responseEnd, responseStatus }) => ({ name, startTime, responseEnd, responseStatus })),
    now: performance.now(),
  };
}

async function soak(player, address) {
  const server = await chromium.launchServer(config.use.launchOptions);
  try {
    const browser = await chromium.connect(server.wsEndpoint());
    const page = await browser.newPage();
    await page.goto(address);
    const cdp = await page.context().newCDPSession(page);
    const workers = await workersOf(cdp);
    await page.evaluate(() => window.stage.prepare());
    await workers.wasmBytes();
    await page.evaluate(playForEver, rate);
    const samples = [];
    for (let sample = 1; sample <= SAMPLES; sample++) {
      await playedUntil(page, player, (mediaSecs * sample) / SAMPLES);
      await cdp.send("HeapProfiler.collectGarbage");
      const heap = mib((await cdp.send("Runtime.getHeapUsage")).usedSize);
      const seen = await page.evaluate(() => [Math.round(window.playedSecs), window.stalls, window.seekingStalls]);
      const [played, stalls, seekingStalls] = seen;
      const resident = mib(renderersResident(server.process().pid));
      const wasm = mib(await workers.wasmBytes());
      const figures = [
        played,
        heap,
        mib(await workers.heapUsed()),
        wasm,
        resident,
        workers.size,
        stalls,
        seekingStalls,
      ];
      console.log(player, ...figures);
      samples.push(figures.map(Number));
      if (workers.size !== WORKERS[player])
        throw new Error(`${workers.size} workers, not ${WORKERS[player]}: not ${player}`);
    }
    return samples;
  } finally {
    await server.close();
  }
}

/** A plot for each column, with a line for each player. */
function plot(measured) {
  mkdirSync(PLOTS, { recursive: true });
  for (const [at, [name, isPlotted]] of Object.entries(COLUMNS).entries()) {
    if (!isPlotted) continue;
    const series = measured.map(([player, samples]) => ({
      name: player,
      x: samples.map(([played]) => played / 60),
      y: samples.map((sample) => sample[at]),
    }));
    const axes = { x: "media played, minutes", y: name };
    writeFileSync(`${PLOTS}/${name}.svg`, plotOf(`${name} over ${values.minutes} minutes of media`, series, axes));
  }
  console.log(`plots: ${resolve(PLOTS)}`);
}

const folder = scratch();
const data = scratch();
const clip = makeClip(folder, "mp4", { secs: CLIP_SECS, size: "640x360" });
const stage = await openStage(clip, { data, workflow: { ladder: { kind: "copy" } } });
try {
  console.log("player", ...Object.keys(COLUMNS));
  const ended = await Promise.allSettled(
    players.map(async (player) => [player, await soak(player, await stage.address(player))]),
  );
  for (const { reason } of ended) if (reason) throw reason;
  plot(ended.map(({ value }) => value));
} finally {
  await stage.stop();
  remove(folder);
  remove(data);
}
