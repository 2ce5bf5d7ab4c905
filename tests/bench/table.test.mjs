import assert from "node:assert/strict";
import { test } from "node:test";
import { plotOf } from "./plot.mjs";
import { goalsOf, judged, median, tableOf } from "./table.mjs";

const row = (more) => ({ group: "G", metric: "m", unit: "ms", ours: [3, 1, 2], peers: [], ...more });
const peer = { name: "p", value: [4, 8, 6] };

test("the median is of rounds in any order", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
});

test("a goal is judged by the medians: ratio, difference or the value itself", () => {
  const met = (goal, one) => judged(row({ peers: [peer], goal }), one)?.isMet;
  assert.equal(met({ peer: "p", kind: "ratio", atMost: 0.34 }, peer), true);
  assert.equal(met({ peer: "p", kind: "ratio", atMost: 0.33 }, peer), false);
  assert.equal(met({ peer: "p", kind: "difference", atLeast: -4 }, peer), true);
  assert.equal(met({ peer: "p", kind: "difference", atLeast: -3.9 }, peer), false);
  assert.equal(met({ peer: null, kind: "value", atMost: 2 }), true);
  assert.equal(met({ peer: null, kind: "value", atMost: 1.9 }), false);
  assert.equal(met({ peer: "other", kind: "ratio", atMost: 1 }, peer), undefined);
});

test("the table says median, least, most, ratio and verdict, and counts goals", () => {
  const rows = [
    row({ peers: [peer], goal: { peer: "p", kind: "ratio", atMost: 0.1 } }),
    row({ goal: { peer: null, kind: "value", atMost: 5 } }),
  ];
  const table = tableOf(rows);
  assert.match(table, /2\.00 \(1\.00–3\.00\) \| p 6\.00 \(4\.00–8\.00\) \| 0\.33 \| ratio ≤ 0\.1 \| NOT MET \(0\.33\)/);
  assert.match(table, /value ≤ 5 \| met \(2\.00\)/);
  assert.deepEqual(goalsOf(rows), { all: 2, met: 1 });
});

test("a goal whose peer was not measured is no goal that is met", () => {
  assert.throws(() => goalsOf([row({ goal: { peer: "p", kind: "ratio", atMost: 1 } })]), /was not measured, p/);
});

test("a plot has a point for each value and no text that could be markup", () => {
  const svg = plotOf("<b>", [{ name: "a&b", x: [10, 1000, 100_000], y: [1, 1, 1] }], { x: "x", y: "y" });
  assert.equal(svg.match(/<circle/g).length, 3);
  assert.ok(!svg.includes("<b>") && svg.includes("a&#38;b"));
  const heights = new Set([...svg.matchAll(/cy="([\d.]+)"/g)].map(([, y]) => y));
  assert.equal(heights.size, 1, "what is flat looks flat");
});
