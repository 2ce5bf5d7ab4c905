// How soon a title plays: sealed and guarded beside plain hls.js on clear media, on the same page over the same slow link. And what the main
// thread is kept busy with, and what is loaded. docs/BENCHMARKS.md says what the rows mean. Rounds are interleaved.
import { BUDGETS, measureSizes } from "../../player-wasm/sizes.mjs";
import { makeClip } from "../e2e/lib/clips.mjs";
import { openStage, PLAYERS } from "../e2e/lib/stage/stage.mjs";
import { longestTaskWhile } from "./trace.mjs";

const CLIP_SECS = 150;
/** Periods so short that a seek goes to one whose keys have not come: a grant holds two of them. */
const WORKFLOW = { segmentSecs: 6, periodSegments: 2, ladder: { kind: "copy" } };
const ROUND_TRIPS_MS = [10, 100];
/** What decryption and the exchange may cost on top of their round trip. */
const COMPUTING_MS = 50;
/** Each plays for a minute. */
const TRACED_ROUNDS_MAX = 3;
const SEEKS_TO = [0.45, 0.8];
const LEVELS = ["sealed", "guarded"];
const CONTROL = "plain hls.js";
const GROUP = "Start-up";

export async function rows({ rounds, quick, browser, scratch, log }) {
  const clip = makeClip(scratch(), "mp4", { secs: CLIP_SECS, name: "bench", keyframeSecs: 2 });
  const stage = await openStage(clip, { data: scratch(), workflow: WORKFLOW });
  try {
    const chromium = await browser();
    const all = [];
    for (const roundTripMs of ROUND_TRIPS_MS) {
      stage.gate.roundTripMs = roundTripMs;
      const figures = Object.fromEntries(PLAYERS.map((player) => [player, []]));
      for (let round = 0; round < rounds; round++) {
        const order = PLAYERS.map((_, at) => PLAYERS[(at + round) % PLAYERS.length]);
        for (const player of order) figures[player].push(await measure(chromium, stage, player));
        log(`start-up: ${roundTripMs} ms, round ${round + 1} of ${rounds}`);
      }
      all.push(...LEVELS.flatMap((level) => timesOf(level, roundTripMs, figures)));
    }
    stage.gate.roundTripMs = ROUND_TRIPS_MS[0];
    const secs = quick ? 10 : 60;
    const tasks = Object.fromEntries(PLAYERS.map((player) => [player, []]));
    for (let round = 0; round < Math.min(rounds, TRACED_ROUNDS_MAX); round++)
      for (const player of PLAYERS) tasks[player].push(await longestOf(chromium, stage, player, secs));
    return [...all, ...LEVELS.flatMap((level) => tasksOf(level, secs, tasks)), ...(await sizes())];
  } finally {
    await stage.stop();
  }
}

async function measure(browser, stage, player) {
  const fresh = await onPage(browser, stage, player, { now: "1" }, firstFrameOfPage);
  const prepared = await onPage(browser, stage, player, {}, firstFrameAndSeeks);
  return { ...fresh, ...prepared };
}

/** In a browser context, and so with a cache, of its own. */
async function onPage(browser, stage, player, more, measured) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const address = await stage.address(player);
    await page.goto(`${address}&${new URLSearchParams(more)}`, { waitUntil: "commit" });
    await page.waitForFunction(() => window.stage !== undefined);
    const found = await measured(page);
    const errors = await page.evaluate(() => window.stage.errors);
    if (errors.length > 0) throw new Error(`${player}: ${JSON.stringify(errors)}`);
    return found;
  } finally {
    await context.close();
  }
}

/** From the navigation on, which the page's clock begins with. */
async function firstFrameOfPage(page) {
  return { pageMs: await page.evaluate(() => window.stage.firstFrame) };
}

async function firstFrameAndSeeks(page) {
  await page.evaluate(() => window.stage.prepare());
  // What loading the page left to do is not the player's.
  await page.waitForTimeout(300);
  return page.evaluate(async (places) => {
    const { stage } = window;
    const began = performance.now();
    stage.attach();
    const attachMs = (await stage.frame()) - began;
    const seeks = [];
    for (const place of places) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const to = stage.video.duration * place;
      if (stage.isBuffered(to)) throw new Error(`${to} s is buffered already`);
      const from = performance.now();
      stage.video.currentTime = to;
      seeks.push((await stage.frame(to)) - from);
    }
    return { attachMs, seekMs: seeks.reduce((sum, ms) => sum + ms, 0) / seeks.length };
  }, SEEKS_TO);
}

function timesOf(level, roundTripMs, figures) {
  const row = (metric, name, atMost) => ({
    group: GROUP,
    metric: `${metric}, ${level}, ${roundTripMs} ms round trip`,
    unit: "ms",
    ours: figures[level].map((one) => one[name]),
    peers: [{ name: CONTROL, value: figures.plain.map((one) => one[name]) }],
    goal: { peer: CONTROL, kind: "difference", atMost },
  });
  return [
    row("first frame from attach, preloaded", "attachMs", roundTripMs + COMPUTING_MS),
    row("first frame from navigation, nothing cached", "pageMs", roundTripMs + COMPUTING_MS),
    row("seek to a period without keys", "seekMs", roundTripMs),
  ];
}

/** From loading the page until `secs` were played, by a trace, in a playback of its own: a trace costs time itself. */
async function longestOf(browser, stage, player, secs) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const address = `${await stage.address(player)}&now=1`;
    return await longestTaskWhile(browser, page, async () => {
      await page.goto(address, { waitUntil: "commit" });
      await page.waitForFunction(() => window.stage !== undefined);
      const played = await page.evaluate((until) => window.stage.behind(until), secs);
      if (!played) throw new Error(`${player} does not play to ${secs} s`);
    });
  } finally {
    await context.close();
  }
}

/** By the clock, which a busy machine makes longer, and of the processor's time, which it does not. */
function tasksOf(level, secs, tasks) {
  const row = (name, metric, goal) => ({
    group: GROUP,
    metric: `${metric}, load to ${secs} s of playback, ${level}`,
    unit: "ms",
    ours: tasks[level].map((one) => one[name]),
    peers: [{ name: CONTROL, value: tasks.plain.map((one) => one[name]) }],
    ...(goal && { goal }),
  });
  return [
    row("ms", "longest main-thread task", { peer: null, kind: "value", atMost: 50 }),
    row("processorMs", "longest main-thread task, processor time"),
  ];
}

async function sizes() {
  const { wasm, page, worker } = await measureSizes();
  const row = (metric, bytes, goal, budget) => ({
    group: GROUP,
    metric: `${metric}, brotli`,
    unit: "KiB",
    ours: bytes / 1024,
    peers: [],
    goal: { peer: null, kind: "value", atMost: goal },
    note: `budget ${budget / 1024} KiB`,
  });
  return [
    row("wasm", wasm, 40, BUDGETS.wasm),
    row("the SDK without hls.js", wasm + page + worker, 60, BUDGETS.wasm + BUDGETS.page + BUDGETS.worker),
  ];
}
