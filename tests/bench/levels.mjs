// Sealed, guarded and plain hls.js on the same clip, side by side. docs/BENCHMARKS.md says what the rows mean. Rounds are interleaved, so
// that whatever else the machine does falls on all of them.
import { makeClip } from "../e2e/lib/clips.mjs";
import { openStage, PLAYERS } from "../e2e/lib/stage/stage.mjs";
import { bytes, measure } from "./measure.mjs";

/** Far more than a player buffers, so that seeks go where nothing is. Segments as long as they are by default. */
const CLIP_SECS = 150;
const WORKFLOW = { segmentSecs: 6, periodSegments: 10, ladder: { kind: "copy" } };

const METRICS = [
  ["first frame", "ms", "firstFrameMs"],
  ["seek to unbuffered", "ms", "seekMs"],
  ["frames shown in 6 s", "frames", "frames"],
  ["frames dropped", "frames", "droppedFrames", { kind: "difference", atMost: 0 }],
  ["main thread", "ms", "mainThreadMs"],
  ["of it script", "ms", "scriptMs"],
  ["longest task", "ms", "longestMs"],
  ["renderer process", "ms", "processMs"],
];
const SIZES = [
  ["page JavaScript", "page"],
  ["workers' JavaScript", "worker"],
  ["wasm", "wasm"],
  ["all of it", "sdk"],
];
const CONTROL = "plain hls.js";

export async function rows({ rounds, browser, scratch, log }) {
  const clip = makeClip(scratch(), "mp4", { secs: CLIP_SECS, name: "bench", keyframeSecs: 2 });
  const stage = await openStage(clip, { data: scratch(), workflow: WORKFLOW });
  try {
    const chromium = await browser();
    const figures = Object.fromEntries(PLAYERS.map((player) => [player, []]));
    for (let round = 0; round < rounds; round++) {
      // Nobody is always the first.
      const order = PLAYERS.map((_, at) => PLAYERS[(at + round) % PLAYERS.length]);
      for (const player of order) figures[player].push(await measure(chromium, stage, player, round));
      log(`levels: round ${round + 1} of ${rounds}`);
    }
    const loaded = {};
    for (const player of PLAYERS) loaded[player] = await bytes(chromium, stage, player);
    return ["sealed", "guarded"].flatMap((level) => [...times(level, figures), ...sizes(level, loaded)]);
  } finally {
    await stage.stop();
  }
}

const groupOf = (level) => `Playback, ${level}`;

function times(level, figures) {
  const of = (player, name) => figures[player].map((one) => one[name]);
  return METRICS.map(([metric, unit, name, goal]) => ({
    group: groupOf(level),
    metric,
    unit,
    ours: of(level, name),
    peers: [{ name: CONTROL, value: of("plain", name) }],
    ...(goal && { goal: { peer: CONTROL, ...goal } }),
  }));
}

function sizes(level, loaded) {
  const kib = (player, part, form) => loaded[player][part + form] / 1024;
  return SIZES.flatMap(([metric, part]) =>
    ["Bytes", "Gzip"].map((form) => ({
      group: groupOf(level),
      metric: form === "Gzip" ? `${metric}, gzip` : metric,
      unit: "KiB",
      ours: kib(level, part, form),
      peers: [{ name: CONTROL, value: kib("plain", part, form) }],
    })),
  );
}
