// Sealed, guarded and plain hls.js on the same clip, side by side: `npm run bench [-- --rounds 7]`. docs/BENCHMARKS.md says what the
// columns mean. Rounds are interleaved, so that whatever else the machine does falls on all of them; each figure is a median.
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { openStage, PLAYERS } from "../e2e/lib/stage/stage.mjs";
import config from "../playwright.config.mjs";
import { measure } from "./measure.mjs";
import { median, printTable } from "./table.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    players: { type: "string", default: PLAYERS.join(",") },
    data: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const players = values.players.split(",");
if (!(rounds >= 1) || !players.every((player) => PLAYERS.includes(player))) {
  console.error(`usage: npm run bench [-- --rounds N] [--players ${PLAYERS.join(",")}] [--data FOLDER]`);
  process.exit(2);
}

/** Far more than a player buffers, so that seeks go where nothing is. Segments as long as they are by default. */
const CLIP_SECS = 150;
const WORKFLOW = { segmentSecs: 6, periodSegments: 10, ladder: { kind: "copy" } };

const folder = scratch();
// A folder that is kept spares the next run to make an installation.
const data = values.data ?? scratch();
try {
  const clip = makeClip(folder, "mp4", { secs: CLIP_SECS, name: "bench", keyframeSecs: 2 });
  const stage = await openStage(clip, { data, workflow: WORKFLOW });
  const browser = await chromium.launch(config.use.launchOptions);
  try {
    console.log(`${cpus()[0].model.trim()}, ${availableParallelism()} cores; Chromium ${browser.version()}`);
    console.log(`${rounds} rounds, medians; in brackets: the ratio to plain hls.js\n`);
    const figures = new Map(players.map((player) => [player, []]));
    for (let round = 0; round < rounds; round++) {
      // Nobody is always the first.
      const order = players.map((_, at) => players[(at + round) % players.length]);
      for (const player of order) figures.get(player).push(await measure(browser, stage, player, round));
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    }
    const medians = new Map(
      [...figures].map(([player, all]) => [
        player,
        Object.fromEntries(Object.keys(all[0]).map((name) => [name, median(all.map((one) => one[name]))])),
      ]),
    );
    printTable(medians, figures);
  } finally {
    await browser.close();
    await stage.stop();
  }
} finally {
  remove(folder);
  if (values.data === undefined) remove(data);
}
