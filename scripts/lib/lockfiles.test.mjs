import assert from "node:assert/strict";
import { test } from "node:test";
import { isAllowed } from "./licences.mjs";
import { crateProblems, npmProblems } from "./lockfiles.mjs";

const ALLOWED = new Set(["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"]);
const SUM = "0".repeat(64);
const SHA512 = `sha512-${"A".repeat(86)}==`;

const CRATES = `[[package]]
name = "a"
version = "1.0.0"
source = "registry+https://registry.example/index"
checksum = "${SUM}"

[[package]]
name = "own"
version = "0.1.0"
`;
const METADATA = {
  workspace_members: ["own"],
  packages: [
    { id: "a", name: "a", version: "1.0.0", source: "registry", license: "MIT" },
    { id: "own", name: "own", version: "0.1.0", source: null, license: "MIT" },
  ],
};

test("a licence is allowed where one way to read its expression is", () => {
  for (const expression of [
    "MIT",
    "MIT OR GPL-3.0-only",
    "GPL-3.0-only OR MIT",
    "MIT/Apache-2.0",
    "(MIT OR GPL-3.0-only) AND ISC",
    "Apache-2.0 WITH LLVM-exception OR GPL-3.0-only",
  ]) {
    assert.ok(isAllowed(expression, ALLOWED), expression);
  }
  for (const expression of [
    "GPL-3.0-only",
    "MIT AND GPL-3.0-only",
    "(MIT OR ISC) AND GPL-3.0-only",
    "GPL-3.0-only WITH LLVM-exception",
    "MIT WITH LLVM-exception",
    "MIT ISC",
    "(MIT",
    "MIT)",
    "",
    null,
    undefined,
  ]) {
    assert.ok(!isAllowed(expression, ALLOWED), String(expression));
  }
});

test("crates come from one registry, with a checksum, under an allowed licence", () => {
  const of = (lock, metadata = METADATA) => crateProblems(lock, metadata, ALLOWED);
  assert.deepEqual(of(CRATES), []);
  assert.match(of(CRATES.replace("registry+", "git+"))[0], /not come from a registry/);
  const other = CRATES.replace('"a"', '"b"').replace("registry.example", "other.example");
  assert.match(of(CRATES + other)[0], /2 registries/);
  assert.match(of(CRATES.replace(SUM, "1"))[0], /no checksum/);
  const changed = (change) => ({
    ...METADATA,
    packages: [{ ...METADATA.packages[0], ...change }, METADATA.packages[1]],
  });
  assert.match(of(CRATES, changed({ license: "GPL-3.0-only" }))[0], /GPL-3.0-only is not allowed/);
  assert.match(of(CRATES, changed({ license: null }))[0], /not allowed/);
  assert.match(of(CRATES, changed({ source: null }))[0], /outside of the workspace/);
});

test("npm packages have a digest and an allowed licence, and fit the manifests", () => {
  const manifests = { "": { devDependencies: { tool: "1.0.0" } }, www: { dependencies: { part: "2.0.0" } } };
  const packages = {
    "": { devDependencies: { tool: "1.0.0" } },
    www: { dependencies: { part: "2.0.0" } },
    "node_modules/@own/www": { resolved: "www", link: true },
    "node_modules/part": { version: "2.0.0", integrity: SHA512, license: "MIT" },
    "node_modules/tool": { version: "1.0.0", integrity: SHA512, license: "MPL-2.0", dev: true },
    "node_modules/@biomejs/cli-win32-x64": { version: "1.0.0", optional: true },
  };
  const of = (changes) => npmProblems({ packages: { ...packages, ...changes } }, manifests, ALLOWED);
  assert.deepEqual(of({}), []);
  const part = packages["node_modules/part"];
  const wrong = (entry) => of({ "node_modules/part": { ...part, ...entry } })[0];
  assert.match(wrong({ integrity: undefined }), /no SHA-512/);
  assert.match(wrong({ integrity: "sha1-AAAA" }), /no SHA-512/);
  assert.match(wrong({ resolved: "git+ssh://git@example.com/part.git" }), /no registry/);
  assert.match(wrong({ license: "MPL-2.0" }), /MPL-2.0 is not allowed/, "only of tools");
  assert.match(wrong({ license: undefined }), /not allowed/);
  assert.match(of({ "node_modules/other": { version: "1.0.0", optional: true } })[0], /no SHA-512/);
  assert.match(of({ elsewhere: { version: "1.0.0", integrity: SHA512, license: "MIT" } })[0], /no workspace/);
  assert.match(of({ www: { dependencies: { part: "2.0.1" } } })[0], /www\/package\.json differ in dependencies/);
  assert.match(of({ "": {} })[0], /differ in devDependencies/);
});
