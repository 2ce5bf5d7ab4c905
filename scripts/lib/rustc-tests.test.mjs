// `npm test` compiles tests' runners less optimized, and nothing else: what is shipped is compiled as Cargo.toml says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./children.mjs";
import { inRoot } from "./places.mjs";

/** What the compiler is called with. */
const called = async (...args) => (await run(inRoot("scripts/lib/rustc-tests.sh"), ["echo", ...args])).trim();

test("only the runners of tests are optimized less", async () => {
  const shipped = "--crate-name keyveil --crate-type bin -C opt-level=3 --cfg tests -C metadata=--test";
  assert.equal(await called(...shipped.split(" ")), shipped);
  const runner = "--crate-name keyveil -C opt-level=3 --test --cfg feature=a";
  assert.equal(await called(...runner.split(" ")), `${runner} -C opt-level=1`);
  assert.equal(await called("-C", "opt-level=3", "--cfg", 'feature="a b"'), '-C opt-level=3 --cfg feature="a b"');
});

test("of two levels the compiler takes the last", async () => {
  // Without optimizing, it has debug assertions unless told otherwise.
  const optimizes = async (...levels) => {
    const given = levels.flatMap((level) => ["-C", `opt-level=${level}`]);
    return !(await run("rustc", ["--print", "cfg", ...given])).includes("debug_assertions");
  };
  assert.deepEqual([await optimizes(3, 0), await optimizes(0, 3), await optimizes(3, 1)], [false, true, true]);
});
