import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { unlessUnchanged, writeWhole } from "./fingerprint.mjs";

async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), "keyveil-fingerprint-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("what is unchanged is not built again; a changed source or a lost output is", () =>
  inFolder(async (folder) => {
    const output = join(folder, "output");
    const build = () => writeFile(output, "built");
    const stamp = join(folder, "stamp");
    assert.equal(await unlessUnchanged(stamp, "a", [output], build), true);
    assert.equal(await unlessUnchanged(stamp, "a", [output], build), false);
    assert.equal(await unlessUnchanged(stamp, "b", [output], build), true);
    await rm(output);
    assert.equal(await unlessUnchanged(stamp, "b", [output], build), true);
  }));

test("a build that failed is tried again", () =>
  inFolder(async (folder) => {
    const stamp = join(folder, "stamp");
    const failing = () => Promise.reject(new Error("no"));
    await assert.rejects(unlessUnchanged(stamp, "a", [], failing));
    assert.equal(await unlessUnchanged(stamp, "a", [], async () => {}), true);
  }));

test("a file with credentials is readable by its owner only", () =>
  inFolder(async (folder) => {
    const path = join(folder, "demo.json");
    await writeWhole(path, "secret", 0o600);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(await readFile(path, "utf8"), "secret");
  }));
