// What packaging costs: a stream copy into encrypted segments beside ffmpeg and Shaka Packager, a ladder beside ffmpeg alone,
// and whether the cost of a minute stays the same as films get longer. docs/BENCHMARKS.md says how to read it.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Stack } from "../faults/lib/stack.mjs";
import { ffmpeg, installShaka, keyInfo, keyveil, shaka } from "./packaging/contenders.mjs";
import { intoFiles, observedArguments, RUNGS } from "./packaging/ladder.mjs";
import { cost } from "./packaging/measure.mjs";

const GROUP = "Packaging";
const CLEAR = "ffmpeg, clear";
const AES = "ffmpeg, AES-128";
const SHAKA = "Shaka Packager";
const CONTAINERS = { ts: "TS", fmp4: "fMP4" };
const GROWTH_MINUTES = [1, 10, 60, 240];

export async function rows(context) {
  const folder = context.scratch();
  const stack = await Stack.start();
  try {
    const minute = makeMinute(join(folder, "1.mp4"), context.quick ? 15 : 60);
    const tools = { stack, folder, info: keyInfo(folder), shaka: installShaka(join(folder, "shaka"), context.log) };
    const copies = await copyRows(context, tools, minute);
    const growth = await growthRow(context, tools, minute);
    return [...copies, growth, await ladderRow(context, tools)];
  } finally {
    await stack.stop();
  }
}

/** 720p, about 1.6 Mbit/s with its sound, a keyframe every 2 s; filled up, so that every minute is as large. */
function makeMinute(path, secs) {
  const inputs = "-f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000";
  const rate = "-b:v 1500k -maxrate 1500k -bufsize 3000k -x264-params nal-hrd=cbr";
  const picture = `-c:v libx264 -preset ultrafast -tune zerolatency -g 50 ${rate} -pix_fmt yuv420p`;
  const args = `-v error -nostdin -y ${inputs} -t ${secs} ${picture} -c:a aac -b:a 128k`.split(" ");
  execFileSync("ffmpeg", [...args, path]);
  return path;
}

function repeated(path, times) {
  const longer = path.replace(/1\.mp4$/, `${times}-times.mp4`);
  const loop = ["-stream_loop", String(times - 1), "-i", path];
  execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", ...loop, "-c", "copy", longer]);
  return longer;
}

/** One run into a folder of its own that is removed again. */
async function once({ folder }, make) {
  const out = join(folder, "out");
  // Shaka Packager and ffmpeg make no folders of their own.
  for (const name of ["", "video", "audio"]) mkdirSync(join(out, name), { recursive: true });
  try {
    const { command, env } = make(out);
    return await cost(command, { env });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

async function copyRows(context, tools, minute) {
  const film = repeated(minute, context.quick ? 4 : 10);
  const all = [];
  for (const [container, label] of Object.entries(CONTAINERS)) {
    const contenders = new Map([
      ["ours", (out) => keyveil(film, out, container, tools.stack)],
      [CLEAR, (out) => ffmpeg(film, out, container)],
    ]);
    // ffmpeg refuses to encrypt fMP4.
    if (container === "ts") contenders.set(AES, (out) => ffmpeg(film, out, container, tools.info));
    if (tools.shaka !== null) contenders.set(SHAKA, (out) => shaka(tools.shaka, film, out, container));
    all.push(...compared(label, await interleaved(context, tools, contenders, `stream copy, ${label}`)));
  }
  rmSync(film);
  return all;
}

/** Every contender once in each round, nobody always first: name → all its figures. */
async function interleaved({ rounds, log }, tools, contenders, what) {
  const names = [...contenders.keys()];
  const figures = new Map(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const at of names.keys()) {
      const name = names[(at + round) % names.length];
      figures.get(name).push(await once(tools, contenders.get(name)));
    }
    log(`packaging: ${what}: round ${round + 1} of ${rounds}`);
  }
  return figures;
}

function compared(label, figures) {
  const row = (metric, unit, name, others, rest) => ({
    group: GROUP,
    metric: `${metric}, ${label}`,
    unit,
    ours: figures.get("ours").map((one) => one[name]),
    peers: others
      .filter((peer) => figures.has(peer))
      .map((peer) => ({ name: peer, value: figures.get(peer).map((one) => one[name]) })),
    ...rest,
  });
  const goal = (peer, atMost) => ({ goal: { peer, kind: "ratio", atMost } });
  const everyone = [CLEAR, AES, SHAKA];
  const cpu = "stream copy of 720p, processor time";
  const rows = [row(cpu, "s", "cpu", [CLEAR, AES], goal(CLEAR, 1.4))];
  if (figures.has(SHAKA)) rows.push(row(`${cpu} beside Shaka`, "s", "cpu", [SHAKA], goal(SHAKA, 0.6)));
  rows.push(row("stream copy of 720p, time", "s", "wall", everyone, {}));
  const memory = { goal: { peer: null, kind: "value", atMost: 100 }, note: "all processes together" };
  rows.push(row("stream copy of 720p, most memory", "MiB", "memory", everyone, memory));
  return rows;
}

async function growthRow(context, tools, minute) {
  const times = context.quick ? GROWTH_MINUTES.slice(0, 2) : GROWTH_MINUTES;
  const series = Object.values(CONTAINERS).map((name) => ({ name, x: [], y: [] }));
  const minutesEach = context.quick ? 0.25 : 1;
  for (const count of times) {
    const film = count === 1 ? minute : repeated(minute, count);
    for (const [at, container] of Object.keys(CONTAINERS).entries()) {
      const { cpu } = await once(tools, (out) => keyveil(film, out, container, tools.stack));
      series[at].x.push(count * minutesEach);
      series[at].y.push(cpu / (count * minutesEach));
      context.log(`packaging: ${count * minutesEach} min as ${series[at].name}: ${cpu.toFixed(2)} s`);
    }
    if (film !== minute) rmSync(film);
  }
  // The first point is mostly the programs' start; growth is what happens behind it.
  const { y } = series.at(-1);
  return {
    group: GROUP,
    metric: "processor time of a minute, longest film beside 10 minutes, fMP4",
    unit: "s",
    ours: y.at(-1),
    peers: [{ name: "ours, 10 times", value: y[1] }],
    goal: { peer: "ours, 10 times", kind: "ratio", atMost: 1.1 },
    series,
    axes: { x: "minutes of film", y: "processor seconds for each" },
  };
}

async function ladderRow(context, tools) {
  const film = join(tools.folder, "ladder.mp4");
  const secs = context.quick ? 6 : 30;
  const inputs = "-f lavfi -i testsrc2=size=1920x1080:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000";
  const codecs = "-c:v libx264 -preset ultrafast -b:v 6000k -pix_fmt yuv420p -c:a aac";
  execFileSync("ffmpeg", [..."-v error -nostdin -y".split(" "), ...`${inputs} -t ${secs} ${codecs}`.split(" "), film]);
  const more = ["--ladder", RUNGS];
  const seen = await observedArguments(film, tools.folder, tools.stack, more);
  const contenders = new Map([
    ["ours", (out) => keyveil(film, out, "fmp4", tools.stack, more)],
    [CLEAR, (out) => ({ command: ["ffmpeg", ...intoFiles(seen, out)] })],
  ]);
  const figures = await interleaved(context, tools, contenders, "ladder");
  return {
    group: GROUP,
    metric: "four qualities of 1080p, time",
    unit: "s",
    ours: figures.get("ours").map((one) => one.wall),
    peers: [{ name: CLEAR, value: figures.get(CLEAR).map((one) => one.wall) }],
    goal: { peer: CLEAR, kind: "ratio", atMost: 1.03 },
    note: "ffmpeg alone, given what the packager gives it",
  };
}
