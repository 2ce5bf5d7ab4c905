// `npm test` compiles tests' runners less optimized, and nothing else: what is shipped is compiled as Cargo.toml says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./children.mjs";
import { inRoot } from "./places.mjs";

/** What the compiler is called with. */
const called = async (...args) => (await run(inRoot("scripts/lib/rustc-tests.sh"), ["echo", ...args])).trim();

test("only the runners of the server's and the packager's tests are not optimized", async () => {
  const same = async (line) => assert.equal(await called(...line.split(" ")), line);
  await same("--crate-name keyveil_key_server --crate-type lib -C opt-level=3 -C metadata=--test");
  await same("--crate-name key_server --crate-type bin -C opt-level=3 --cfg test");
  await same("--crate-name keyveil_protocol -C opt-level=3 --test");
  assert.equal(await called("-C", "opt-level=3", "--cfg", 'feature="a b"'), '-C opt-level=3 --cfg feature="a b"');
  for (const name of ["keyveil_key_server", "it", "keyveil_packager", "pack"]) {
    const runner = `--crate-name ${name} -C opt-level=3 --test --cfg feature=a`;
    assert.equal(await called(...runner.split(" ")), `${runner} -C opt-level=0 -C debug-assertions=off`);
  }
});

test("the compiler gets all of cargo's environment", async () => {
  const env = { "CARGO_BIN_EXE_key-server": "there", OTHER: "too" };
  const got = await run(inRoot("scripts/lib/rustc-tests.sh"), ["env"], { env });
  assert.match(got, /^CARGO_BIN_EXE_key-server=there$/m);
  assert.match(got, /^OTHER=too$/m);
});

test("the names are those of the crates", async () => {
  const { packages } = JSON.parse(await run("cargo", ["metadata", "--no-deps", "--locked", "--format-version", "1"]));
  const named = packages
    .filter(({ name }) => ["keyveil-key-server", "keyveil-packager"].includes(name))
    .flatMap(({ targets }) => targets.filter(({ test, kind }) => test && !kind.includes("bin")))
    .map(({ name }) => name.replaceAll("-", "_"));
  assert.deepEqual(named.sort(), ["it", "keyveil_key_server", "keyveil_packager", "pack"]);
});

test("of two levels the compiler takes the last", async () => {
  // Without optimizing, it has debug assertions unless told otherwise.
  const optimizes = async (...levels) => {
    const given = levels.flatMap((level) => ["-C", `opt-level=${level}`]);
    return !(await run("rustc", ["--print", "cfg", ...given])).includes("debug_assertions");
  };
  assert.deepEqual([await optimizes(3, 0), await optimizes(0, 3), await optimizes(3)], [false, true, true]);
});
