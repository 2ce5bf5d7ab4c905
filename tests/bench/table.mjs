// The table that `npm run bench` prints: a line for each metric and peer. docs/BENCHMARKS.md says what a row is.

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const listOf = (value) => (Array.isArray(value) ? value : [value]);
/** The median of all rounds, or the one value that there is. */
export const middle = (value) => median(listOf(value));

const digitsFor = (number) => (Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 2);
const short = (number) => number.toFixed(digitsFor(number));

function withSpread(value) {
  const all = listOf(value);
  const text = short(median(all));
  return all.length < 2 ? text : `${text} (${short(Math.min(...all))}–${short(Math.max(...all))})`;
}

const COMPARED = {
  ratio: (ours, peer) => (peer === undefined ? ours : ours / peer),
  difference: (ours, peer) => ours - (peer ?? 0),
  value: (ours) => ours,
};

/** What a goal is about and whether it is met: { figure, wanted, isMet }; null where a row has no goal for this peer. */
export function judged({ ours, goal }, peer) {
  if (!goal || (goal.peer ?? null) !== (peer?.name ?? null)) return null;
  const { kind, atMost, atLeast } = goal;
  const figure = COMPARED[kind](middle(ours), peer && middle(peer.value));
  const wanted = [atLeast !== undefined && `≥ ${atLeast}`, atMost !== undefined && `≤ ${atMost}`].filter(Boolean);
  const isMet = (atLeast === undefined || figure >= atLeast) && (atMost === undefined || figure <= atMost);
  return { figure, wanted: `${kind} ${wanted.join(", ")}`, isMet };
}

function linesOf(row) {
  // A goal that is about ours alone, or a row without peers, has a line of its own.
  const isAlone = row.peers.length === 0 || (row.goal && (row.goal.peer ?? null) === null);
  const compared = [...(isAlone ? [undefined] : []), ...row.peers];
  return compared.map((peer, at) => {
    const verdict = judged(row, peer);
    const ratio = peer && middle(peer.value) !== 0 ? (middle(row.ours) / middle(peer.value)).toFixed(2) : "";
    return [
      at === 0 ? `${row.metric}, ${row.unit}` : "",
      at === 0 ? withSpread(row.ours) : "",
      peer ? `${peer.name} ${withSpread(peer.value)}` : "",
      ratio,
      verdict ? verdict.wanted : "",
      verdict ? `${verdict.isMet ? "met" : "NOT MET"} (${short(verdict.figure)})` : "",
      at === 0 ? (row.note ?? "") : "",
    ];
  });
}

const HEAD = ["metric", "ours", "peer", "ours / peer", "goal", "", "note"];

/** The table of all rows as Markdown, with a heading for each group. */
export function tableOf(rows) {
  const groups = grouped(rows);
  const parts = [...groups].map(([group, members]) => {
    const lines = [HEAD, HEAD.map(() => "---"), ...members.flatMap(linesOf)];
    return `### ${group}\n\n${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`;
  });
  return parts.join("\n\n");
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
}

/** How many goals there are, and how many of them are met. */
export function goalsOf(rows) {
  const verdicts = rows
    .filter(({ goal }) => goal)
    .map((row) => {
      const peer = row.peers.find(({ name }) => name === row.goal.peer);
      if (row.goal.peer && !peer)
        throw new Error(`${row.metric}: its goal names a peer that was not measured, ${row.goal.peer}`);
      return judged(row, peer);
    });
  return { all: verdicts.length, met: verdicts.filter(({ isMet }) => isMet).length };
}
