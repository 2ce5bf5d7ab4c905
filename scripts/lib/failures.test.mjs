// samples/ has what each runner wrote of a few tests made to fail in every way there is; paths made short.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Counter } from "./counts.mjs";
import { Failures, tellFailures } from "./failures.mjs";
import { summary } from "./suite.mjs";

const sample = (name) => readFileSync(new URL(`samples/${name}.txt`, import.meta.url), "utf8").split("\n");

function failuresOf(lines, why = "exit code 1") {
  const failed = new Failures();
  for (const line of lines) failed.add(line);
  return failed.list(why);
}

/** Of a sample: each name with the first line said of it. */
const heads = (name) => failuresOf(sample(name)).map(({ name, lines }) => [name, lines[0].trim()]);

test("cargo's failures are told from where they panicked, those of examples in comments too", () => {
  assert.deepEqual(heads("cargo"), [
    ["tests::answers_an_error", 'Error: "no such period"'],
    ["tests::panics_when_full", "---- not a header ----"],
    ["tests::sums_differ", "thread 'tests::sums_differ' (17678) panicked at src/lib.rs:14:49:"],
    ["src/lib.rs - add (line 4)", "thread 'main' (17727) panicked at /var/doctest/doctest_bundle_2024.rs:6:1:"],
  ]);
  const { lines } = failuresOf(sample("cargo"))[2];
  assert.ok(lines.includes("assertion `left == right` failed: one and one"));
  assert.ok(!lines.includes("said before"));
});

test("what does not compile is told by the compiler's errors", () => {
  assert.deepEqual(
    failuresOf(sample("compile")).map(({ name }) => name),
    [
      "error[E0308]: mismatched types: src/lib.rs:25:46",
      "error[E0425]: cannot find function `missing` in this scope: src/lib.rs:25:53",
    ],
  );
});

test("wasm-bindgen's runner names its failures as cargo does", () => {
  assert.deepEqual(heads("wasm"), [
    ["tests::differs", "error output:"],
    ["tests::answers_an_error", "JS exception that was thrown:"],
  ]);
});

test("node --test: nested cases, hooks, time-outs, cancelled cases and files that break", () => {
  assert.deepEqual(heads("node"), [
    ["a.test.mjs: an envelope is opened", "AssertionError [ERR_ASSERTION]: Expected values to be strictly deep-equal:"],
    ["a.test.mjs: ends", "Error: the server hangs"],
    ["a.test.mjs: inner part", "AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:"],
    ["a.test.mjs: asks", "'test did not finish before its parent and was cancelled'"],
    ["a.test.mjs: needs a server", "Error: no server"],
    ["a.test.mjs: never ends", "'test timed out after 50ms'"],
    ["a.test.mjs: cancelled", "'test did not finish before its parent and was cancelled'"],
    ["b.test.mjs: /repo/b.test.mjs", "file:///repo/b.test.mjs:1"],
  ]);
  assert.ok(failuresOf(sample("node")).at(-1).lines.includes("Error: this file breaks"));
});

test("vitest: cases, hooks and files that break", () => {
  assert.deepEqual(heads("vitest"), [
    ["test/a.test.ts > broken hook", "Error: no server"],
    ["test/b.test.ts [ test/b.test.ts ]", "Error: this file breaks"],
    [
      "test/a.test.ts > differs",
      "AssertionError: expected { a: 1, b: [ 1, 2 ] } to deeply equal { a: 1, b: [ 1, 3 ] }",
    ],
    ["test/a.test.ts > a group > throws", "TypeError: no loader"],
    ["test/a.test.ts > a group > never ends", "Error: Test timed out in 30ms."],
  ]);
});

test("Playwright: cases, time-outs, hooks, and what passed the second time", () => {
  assert.deepEqual(heads("playwright"), [
    ["[sealed] › a.spec.mjs:3:1 › seeks › a step", "Error: expect(received).toEqual(expected) // deep equality"],
    ["[sealed] › a.spec.mjs:4:1 › never ends", "Test timeout of 3000ms exceeded."],
    ["[sealed] › a.spec.mjs:6:34 › a group › throws", "Error: first line"],
    ["[sealed] › a.spec.mjs:6:105 › a group › soft", "Error: first soft"],
    ["[sealed] › a.spec.mjs:7:90 › hooked › one", "Error: no server"],
    ["[sealed] › a.spec.mjs:8:40 › serial › s1", "Error: s1"],
    ["[dep] › dep.spec.mjs:2:1 › made", "Error: could not make"],
    [
      "[flaky] › f.spec.mjs:2:1 › plays the second time",
      "Error: expect(received).toBe(expected) // Object.is equality",
    ],
  ]);
});

test("each failure that a runner counts of a case is named", () => {
  for (const [name, unnamed] of [
    ["cargo", 0],
    ["wasm", 0],
    // node counts two cases for their parts, and no hook; vitest neither hooks nor files; three of Playwright did not run.
    ["node", 1],
    ["vitest", -2],
    ["playwright", 3],
  ]) {
    const counter = new Counter();
    for (const line of sample(name)) counter.add(line);
    assert.equal(counter.counts().failed - heads(name).length, unnamed, name);
  }
});

test("a runner that names nothing is told by its last lines", () => {
  const lines = Array.from({ length: 100 }, (_, number) => `line ${number}`);
  assert.deepEqual(failuresOf(["", ...lines, ""], "exit code 2"), [{ name: "exit code 2", lines: lines.slice(-24) }]);
});

test("what is told is bounded in lines, in their length, and in failures", () => {
  const one = (number) => [`---- test${number} stdout ----`, ...Array.from({ length: 30 }, () => "x".repeat(999))];
  const failures = failuresOf(Array.from({ length: 120 }, (_, number) => one(number)).flat());
  assert.equal(failures.length, 100);
  assert.ok(failures.every(({ lines }) => lines.length === 25 && lines.every((line) => line.length === 300)));
  const told = tellFailures([{ name: "cargo test", failures }]);
  assert.equal(told.filter((line) => line.startsWith("failed: cargo test: test")).length, 100);
  assert.equal(told.filter((line) => line.startsWith("    ")).length, 10 * 25);
  assert.equal(told.at(-1), "What was said of the last 90 stands above.");
});

test("a run's end names what failed, and says nothing where nothing did", () => {
  const counts = { passed: 1, failed: 0, skipped: 0, skippedNames: [] };
  const good = { name: "biome", kind: "check", ok: true, why: "", ms: 10, ...counts, failures: [] };
  assert.equal(summary([good]).failures, "");
  const failures = [{ name: "keys differ", lines: ["panicked"] }];
  const bad = { ...good, name: "cargo test", kind: "tests", ok: false, failed: 1, failures };
  assert.equal(summary([good, bad]).failures, "failed: cargo test: keys differ\n    panicked");
  assert.equal(summary([good, bad]).last, "2 passed, 1 failed, 0 skipped");
});
