// One player, once, in a browser context and a renderer process of its own.
import { longestTaskWhile } from "./trace.mjs";

export const PLAY_SECS = 6;
const SEEKS = 3;

/** Resolves to the times of docs/BENCHMARKS.md by name. Nothing asks the page while it is measured. */
export async function measure(browser, stage, player, round) {
  const played = await onPage(browser, stage, player, (page, cdp) => startAndSeeks(page, cdp, round));
  const { ms: longestMs } = await onPage(browser, stage, player, (page) => longestOfStart(browser, page));
  return { ...played, longestMs };
}

async function onPage(browser, stage, player, measured) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(await stage.address(player));
    await page.evaluate(() => window.stage.prepare());
    // What loading the page left to do is not the player's.
    await page.waitForTimeout(300);
    const cdp = await context.newCDPSession(page);
    return await measured(page, cdp);
  } finally {
    await context.close();
  }
}

async function startAndSeeks(page, cdp, round) {
  // Time that the thread was computing: what else the machine does is not in it.
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const before = await metrics(cdp);
  const started = await page.evaluate(async (secs) => {
    const { stage } = window;
    const began = performance.now();
    stage.attach();
    const firstFrameMs = (await stage.frame()) - began;
    const { video } = stage;
    const at = () => video.getVideoPlaybackQuality();
    const first = at();
    await new Promise((resolve) => setTimeout(resolve, secs * 1000));
    const last = at();
    return {
      firstFrameMs,
      frames: last.totalVideoFrames - first.totalVideoFrames,
      droppedFrames: last.droppedVideoFrames - first.droppedVideoFrames,
    };
  }, PLAY_SECS);
  const after = await metrics(cdp);
  const seekMs = await page.evaluate(seeks, { count: SEEKS, round });
  const errors = await page.evaluate(() => window.stage.errors);
  if (errors.length > 0) throw new Error(`${page.url().split("#")[0]}: ${JSON.stringify(errors)}`);
  return {
    ...started,
    seekMs,
    mainThreadMs: (after.TaskDuration - before.TaskDuration) * 1000,
    scriptMs: (after.ScriptDuration - before.ScriptDuration) * 1000,
    processMs: (after.ProcessTime - before.ProcessTime) * 1000,
  };
}

async function metrics(cdp) {
  const { metrics } = await cdp.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/** Runs in the page: the median of some seeks to where nothing is buffered, each to its first frame. The same places for every player. */
async function seeks({ count, round }) {
  const { stage } = window;
  const all = [];
  for (let seek = 0; seek < count; seek++) {
    const to = stage.video.duration * (0.4 + 0.18 * seek) + (round % 7) * 1.7;
    if (stage.isBuffered(to)) throw new Error(`${to} s is buffered already`);
    const began = performance.now();
    stage.video.currentTime = to;
    all.push((await stage.frame(to)) - began);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return all.sort((a, b) => a - b)[count >> 1];
}

/** Apart from the rest: a trace costs time itself. */
async function longestOfStart(browser, page) {
  return longestTaskWhile(browser, page, () =>
    page.evaluate(async () => {
      window.stage.attach();
      await window.stage.frame();
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }),
  );
}

/** What a browser that was never here loads until the first frame, media and playlists apart. */
export async function bytes(browser, stage, player) {
  stage.gate.transferred.clear();
  await onPage(browser, stage, player, async (page) => {
    await page.evaluate(async () => {
      window.stage.attach();
      await window.stage.frame();
    });
  });
  const sums = { pageBytes: 0, pageGzip: 0, workerBytes: 0, workerGzip: 0, wasmBytes: 0, wasmGzip: 0 };
  for (const [path, { bytes: plain, gzip }] of stage.gate.transferred) {
    const part = path.endsWith(".wasm") ? "wasm" : /worker[^/]*\.js$/.test(path) ? "worker" : "page";
    if (!/\.(js|wasm)$/.test(path)) continue;
    sums[`${part}Bytes`] += plain;
    sums[`${part}Gzip`] += gzip;
  }
  return {
    ...sums,
    sdkBytes: sums.pageBytes + sums.workerBytes + sums.wasmBytes,
    sdkGzip: sums.pageGzip + sums.workerGzip + sums.wasmGzip,
  };
}
