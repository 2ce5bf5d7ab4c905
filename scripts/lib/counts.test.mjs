import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter } from "./counts.mjs";

const count = (text) => {
  const counter = new Counter();
  for (const line of text.split("\n")) counter.add(line);
  return counter.counts();
};

test("cargo closes once for each crate, and names what it ignored", () => {
  const text = `
running 2 tests
test keys::period_key_differs ... ok
test slow::a_whole_film ... ignored, takes an hour
test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s`;
  assert.deepEqual(count(text), { passed: 4, failed: 2, skipped: 1, skippedNames: ["slow::a_whole_film"] });
});

test("node --test counts cancelled cases as failed", () => {
  const text = `
✔ the vectors hold (1.5ms)
﹣ needs a network (0.1ms) # SKIP
﹣ Go signs (it does) (32.921756ms) # Go: go is not here
ℹ tests 6
ℹ pass 2
ℹ fail 1
ℹ cancelled 1
ℹ skipped 2
ℹ todo 0`;
  const skippedNames = ["needs a network", "Go signs (it does)"];
  assert.deepEqual(count(text), { passed: 2, failed: 2, skipped: 2, skippedNames });
});

test("vitest's cases are counted, not its files; colours don't matter", () => {
  const text = ` Test Files  1 failed | 4 passed (5)
\x1b[2m      Tests \x1b[22m \x1b[1m\x1b[32m1 failed | 16 passed\x1b[39m\x1b[22m | 2 skipped\x1b[90m (19)\x1b[39m`;
  const { passed, failed, skipped } = count(text);
  assert.deepEqual({ passed, failed, skipped }, { passed: 16, failed: 1, skipped: 2 });
});

test("Playwright's flaky, interrupted and unrun cases are failures", () => {
  const text = `  ✓  1 playback.spec.mjs:3:1 › plays (3.0s)
  -  2 playback.spec.mjs:9:1 › needs a camera
  1 failed
    playback.spec.mjs:5:1 › seeks
  1 flaky
  1 skipped
  2 did not run
  7 passed (1.2m)`;
  assert.deepEqual(count(text), {
    passed: 7,
    failed: 4,
    skipped: 1,
    skippedNames: ["playback.spec.mjs:9:1 › needs a camera"],
  });
});

test("lines that only look alike are not counted", () => {
  assert.equal(count("I passed 5 passed tests\n5 passed\n  5 passed the gate\nℹ passing 3").passed, 0);
});

test("names are bounded", () => {
  const text = Array.from({ length: 1000 }, (_, number) => `test t${number} ... ignored`).join("\n");
  assert.equal(count(text).skippedNames.length, 200);
});
