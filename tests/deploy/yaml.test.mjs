// Every YAML file of deploy/ that is no template.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inRoot } from "../../scripts/lib/places.mjs";
import { lintTool, said } from "./lib/tools.mjs";

const RULES = JSON.stringify({
  extends: "default",
  rules: {
    braces: { "max-spaces-inside": 1 },
    "document-start": "disable",
    // Biome lays files out.
    indentation: "disable",
    "line-length": { max: 200 },
    "octal-values": { "forbid-implicit-octal": true },
  },
});
const lint = (input) => said(lintTool("yamllint"), ["--strict", "-d", RULES, "-"], { input });
const lintFile = (file) => said(lintTool("yamllint"), ["--strict", "-d", RULES, inRoot(file)]);

test("yamllint finds nothing, and finds what is wrong", () => {
  const below = readdirSync(inRoot("deploy"), { recursive: true }).map((name) => join("deploy", name));
  const files = below.filter((name) => name.endsWith(".yaml") && !name.includes("/templates/"));
  assert.ok(files.length >= 8, files.join());
  for (const file of files) {
    const { code, output } = lintFile(file);
    assert.equal(code, 0, output);
  }
  assert.match(lint("a: 1\na: 2\n").output, /key-duplicates/);
  assert.match(lint("a: 1 \n").output, /trailing-spaces/);
});
