// docs/COVERAGE.md names tests by file and name: each is there. And no document points at a file that is not.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { inRoot } from "./places.mjs";

const UNTESTABLE = "(nothing to test)";
const REFERENCE = /`([^`]+)` › `([^`]+)`/g;

/** The rows of every table: `[number, sentence, feature, shown by]`. */
function rowsOf(markdown) {
  const rows = markdown.split("\n").filter((line) => /^\| [A-Z]\d+ \|/.test(line));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}

const referencesOf = (text) => [...text.matchAll(REFERENCE)].map(([, file, name]) => ({ file, name }));

/** Names of tests as they stand in the source; those of JavaScript may have holes. */
function testsIn(file, source) {
  if (file.endsWith(".rs")) {
    return [...source.matchAll(/#\[(?:\w+::)?test\][^{;]*?\bfn (\w+)\(/g)].map(([, name]) => name);
  }
  const titles = /\b(?:test|it)(?:\.\w+)*\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/g;
  return [...source.matchAll(titles)].map((found) => found[1] ?? found[2] ?? found[3]);
}

function isThere({ file, name }) {
  if (!existsSync(inRoot(file))) return false;
  const names = testsIn(file, readFileSync(inRoot(file), "utf8"));
  return file.endsWith(".rs") ? names.includes(name) : names.some((title) => title.includes(name));
}

const coverage = readFileSync(inRoot("docs/COVERAGE.md"), "utf8");

test("every sentence has a row with four cells, numbered without a gap", () => {
  const rows = rowsOf(coverage);
  for (const letter of ["A", "T"]) {
    const numbers = rows.map(([number]) => number).filter((number) => number.startsWith(letter));
    assert.ok(numbers.length > 20);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => `${letter}${index + 1}`),
    );
  }
  for (const row of rows) {
    assert.equal(row.length, 4, row.join(" | "));
    assert.ok(
      row.every((cell) => cell !== ""),
      row[0],
    );
    assert.ok(row[3] === UNTESTABLE || referencesOf(row[3]).length > 0, `${row[0]} names a test`);
  }
});

test("every test that a row names is in the file it names", () => {
  const missing = rowsOf(coverage).flatMap(([number, , , shownBy]) => {
    const lost = referencesOf(shownBy).filter((reference) => !isThere(reference));
    return lost.map(({ file, name }) => `${number}: ${file} › ${name}`);
  });
  assert.deepEqual(missing, []);
});

test("a test, or a file, that is not there is noticed", () => {
  const rust = { file: "protocol/tests/vectors.rs", name: "secrets_print_redacted" };
  const node = { file: "scripts/lib/coverage.test.mjs", name: "a test, or a file, that is not there is noticed" };
  for (const { file, name } of [rust, node]) {
    assert.ok(isThere({ file, name }));
    assert.ok(!isThere({ file, name: `${name} no more` }));
    assert.ok(!isThere({ file: `${file}.gone`, name }));
  }
  assert.ok(!isThere({ ...rust, name: "secrets_print" }), "a Rust name is whole");
});

test("links between the documents lead to files", () => {
  const samples = readdirSync(inRoot("docs/samples"), { recursive: true }).map((name) => join("docs/samples", name));
  const docs = readdirSync(inRoot("docs")).map((name) => join("docs", name));
  const documents = ["README.md", ...docs, ...samples].filter((name) => name.endsWith(".md"));
  assert.ok(documents.length > 6);
  const broken = documents.flatMap((document) => {
    const targets = [...readFileSync(inRoot(document), "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)];
    const lost = targets.filter(([, target]) => !existsSync(inRoot(dirname(document), target)));
    return lost.map(([, target]) => `${document}: ${target}`);
  });
  assert.deepEqual(broken, []);
});
