// What hls.js thinks of one slow link, of a private title beside the same one in clear.
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { makeClip } from "../../e2e/lib/clips.mjs";
import { openStage } from "../../e2e/lib/stage/stage.mjs";

const CLIP_SECS = 100;
const WORKFLOW = { segmentSecs: 6, periodSegments: 5, ladder: { kind: "copy" } };
/** Of video and audio together. */
const FRAGMENTS = 16;
/** Bytes per second, several times what the clip has. */
const RATE = 1 << 20;
const HTML =
  '<!doctype html><link rel="icon" href="data:,"><video muted></video><script type="module" src="own-hls.js"></script>';

export async function bandwidthRows({ rounds, browser, scratch, log }, group) {
  const code = await bundled();
  const clip = makeClip(scratch(), "mp4", { secs: CLIP_SECS, name: "bandwidth", keyframeSecs: 2 });
  const stage = await openStage(clip, { data: scratch(), workflow: WORKFLOW });
  try {
    stage.gate.rate = RATE;
    const estimates = { guarded: [], plain: [] };
    for (let round = 0; round < rounds; round++) {
      for (const player of round & 1 ? ["plain", "guarded"] : ["guarded", "plain"])
        estimates[player].push(await estimate(await browser(), stage, player, code));
      log(`streaming: bandwidth, round ${round + 1} of ${rounds}`);
    }
    return [
      {
        group,
        metric: `hls.js' bandwidth estimate on a link of ${(RATE * 8) / 1e6} Mbit/s`,
        unit: "Mbit/s",
        ours: estimates.guarded,
        peers: [{ name: "hls.js, clear", value: estimates.plain }],
        goal: { peer: "hls.js, clear", kind: "ratio", atLeast: 0.9, atMost: 1.1 },
        note: `after ${FRAGMENTS} fragments; hls.js on the page, segments decrypted in the worker`,
      },
    ];
  } finally {
    await stage.stop();
  }
}

async function estimate(browser, stage, player, code) {
  const { hash } = new URL(await stage.address(player));
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.route(/\/own\/own-hls\.js$/, (route) => route.fulfill({ contentType: "text/javascript", body: code }));
    await page.route(/\/own\/$/, (route) => route.fulfill({ contentType: "text/html", body: HTML }));
    await page.goto(`${stage.gate.origin}/own/${hash}`);
    return (await page.evaluate((fragments) => window.estimate(fragments), FRAGMENTS)) / 1e6;
  } finally {
    await context.close();
  }
}

async function bundled() {
  const input = fileURLToPath(new URL("own-hls.js", import.meta.url));
  const build = await rolldown({ input, platform: "browser" });
  const { output } = await build.generate({ format: "esm", minify: true, codeSplitting: false });
  await build.close();
  return output[0].code;
}
