// No crate of ours has unsafe code: the workspace forbids it, every crate takes the workspace's lints, and the compiler obeys. So
// there is nothing for Miri or sanitizers to look at (fuzz/README.md).
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "./children.mjs";
import { inRoot } from "./places.mjs";

const FORBIDDEN = /^\[workspace\.lints\.rust\]\n(?:[^[]*\n)?unsafe_code = "forbid"\n/m;
const takesLints = (manifest) => /^\[lints\]\nworkspace = true\n/m.test(manifest);

test("every crate of the workspace takes the lints that forbid unsafe code", async () => {
  assert.match(readFileSync(inRoot("Cargo.toml"), "utf8"), FORBIDDEN);
  const metadata = JSON.parse(await run("cargo", ["metadata", "--no-deps", "--locked", "--format-version", "1"]));
  const manifests = metadata.packages.map((crate) => crate.manifest_path);
  assert.ok(manifests.length >= 7, `${manifests.length} crates`);
  assert.deepEqual(
    manifests.filter((path) => !takesLints(readFileSync(path, "utf8"))),
    [],
  );
});

test("a manifest that leaves the lints is noticed", () => {
  const manifest = readFileSync(inRoot("protocol/Cargo.toml"), "utf8");
  assert.ok(takesLints(manifest));
  for (const other of [
    manifest.replace("[lints]\nworkspace = true\n", ""),
    manifest.replace("[lints]\nworkspace = true\n", '[lints.rust]\nunsafe_code = "allow"\n'),
    manifest.replace("[lints]\n", "# [lints]\n"),
  ]) {
    assert.ok(!takesLints(other));
  }
  assert.doesNotMatch('[workspace.lints.rust]\nunsafe_code = "warn"\n', FORBIDDEN);
  assert.doesNotMatch('[workspace.lints.rust]\nx = "warn"\n\n[other]\nunsafe_code = "forbid"\n', FORBIDDEN);
});

test("what is forbidden is refused, also where it is allowed in place", async (context) => {
  // rustc puts its output in place by a rename: nothing of the system's may be named here.
  const folder = mkdtempSync(join(tmpdir(), "keyveil-test-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const compiled = (source) => {
    const options = ["--edition=2024", "--crate-type=lib", "--emit=metadata", "--out-dir", folder, "-F", "unsafe_code"];
    return run("rustc", [...options, "-"], { input: source }).then(
      () => "",
      (error) => error.output,
    );
  };
  assert.equal(await compiled("pub fn first(bytes: &[u8]) -> Option<&u8> { bytes.first() }"), "");
  const unsafe = "pub fn first(bytes: &[u8]) -> u8 { unsafe { *bytes.as_ptr() } }";
  assert.match(await compiled(unsafe), /usage of an `unsafe` block/);
  assert.match(await compiled(`#[allow(unsafe_code)]\n${unsafe}`), /overruled|incompatible with previous forbid/);
});
