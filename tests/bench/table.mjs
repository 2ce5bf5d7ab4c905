// The table that a run prints: a row for each figure, a column for each player, the control first.

const ROWS = [
  ["first frame, ms", "firstFrameMs", 0],
  ["seek to unbuffered, ms", "seekMs", 0],
  ["frames shown in 6 s", "frames", 0],
  ["frames dropped", "droppedFrames", 0],
  ["main thread, ms", "mainThreadMs", 0],
  ["of it script, ms", "scriptMs", 0],
  ["longest task, ms", "longestMs", 1],
  ["renderer process, ms", "processMs", 0],
  ["page JavaScript, KiB", "pageBytes", 1],
  ["  gzip", "pageGzip", 1],
  ["workers' JavaScript, KiB", "workerBytes", 1],
  ["  gzip", "workerGzip", 1],
  ["wasm, KiB", "wasmBytes", 1],
  ["  gzip", "wasmGzip", 1],
  ["all of it, KiB", "sdkBytes", 1],
  ["  gzip", "sdkGzip", 1],
];

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `medians`: player → figures; `all`: player → figures of each round, for how far apart they are. */
export function printTable(medians, all) {
  const players = [...medians.keys()];
  const control = medians.get("plain");
  const heads = players.map((player) => (player === "plain" ? "plain hls.js" : player));
  const lines = [["", ...heads]];
  for (const [label, name, digits] of ROWS) {
    const kib = /Bytes$|Gzip$/.test(name) ? 1024 : 1;
    const cells = players.map((player) => {
      const value = medians.get(player)[name] / kib;
      const rounds = all.get(player).map((one) => one[name] / kib);
      const [least, most] = [Math.min(...rounds), Math.max(...rounds)].map((number) => number.toFixed(digits));
      const spread = least === most ? "" : ` ${least}–${most}`;
      const isCompared = player !== "plain" && control !== undefined && control[name] > 0;
      const ratio = isCompared ? ` (${((value * kib) / control[name]).toFixed(2)})` : "";
      return `${value.toFixed(digits)}${ratio}${spread}`;
    });
    lines.push([label, ...cells]);
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    );
}
