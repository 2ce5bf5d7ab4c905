// `npm test` compiles each crate once, and tests the very crates that `npm start` runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./children.mjs";

/** `name version` → the features it is compiled with, natively. */
async function features(packages, edges) {
  const format = ["--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"];
  const tree = await run("cargo", ["tree", "--locked", "--edges", edges, ...format, ...packages]);
  return new Map(
    tree
      .split("\n")
      .filter((line) => line.includes("|"))
      .map((line) => line.split("|")),
  );
}

test("the tests' dependencies switch no feature on that the servers are built without", async () => {
  const servers = await features(["-p", "keyveil-packager", "-p", "keyveil-key-server"], "normal,no-proc-macro");
  const tests = await features(["--workspace", "--exclude", "keyveil-bindgen"], "normal,dev,no-proc-macro");
  assert.ok(servers.size > 100, `${servers.size} crates`);
  const others = [...servers].filter(([name, list]) => tests.get(name) !== list);
  const told = others.map(([name, list]) => `${name}: servers [${list}], tests [${tests.get(name)}]`);
  assert.deepEqual(told, [], "declare the feature in key-server/Cargo.toml, as there for chacha20");
});
