// What test runners say of themselves, read from the lines they write: cargo (and wasm-bindgen's runner), node --test with the
// spec reporter, vitest, Playwright with the list reporter.

const NAMES_MAX = 200;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal's colours are made of.
const COLOURS = /\x1b\[[0-9;]*m/g;

/** A line without its colours and without the spaces at its end. */
export const plain = (line) => line.replace(COLOURS, "").trimEnd();

/** Adds up the closing lines; a runner may close several times (cargo does for each crate). */
export class Counter {
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  #names = [];

  add(coloured) {
    const line = plain(coloured);
    this.#addCount(line);
    const name = SKIPPED.map((form) => form.exec(line)?.[1]).find(Boolean);
    if (name !== undefined && this.#names.length < NAMES_MAX) this.#names.push(name.trim());
  }

  counts() {
    return { passed: this.#passed, failed: this.#failed, skipped: this.#skipped, skippedNames: [...this.#names] };
  }

  #addCount(line) {
    const cargo = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/.exec(line);
    if (cargo !== null) {
      this.#passed += Number(cargo[1]);
      this.#failed += Number(cargo[2]);
      this.#skipped += Number(cargo[3]);
      return;
    }
    const node = /^ℹ (pass|fail|cancelled|skipped|todo) (\d+)$/.exec(line);
    if (node !== null) return this.#addWord(node[1], Number(node[2]));
    if (/^\s+Tests {2}.*\(\d+\)$/.test(line)) {
      for (const [, count, word] of line.matchAll(/(\d+) (passed|failed|skipped|todo)/g))
        this.#addWord(word, Number(count));
      return;
    }
    const playwright = /^ {2}(\d+) (passed|failed|flaky|skipped|did not run|interrupted)(?: \(.*\))?$/.exec(line);
    if (playwright !== null) this.#addWord(playwright[2], Number(playwright[1]));
  }

  #addWord(word, count) {
    if (word === "pass" || word === "passed") this.#passed += count;
    else if (word === "skipped" || word === "todo") this.#skipped += count;
    // Flaky means failed first: a suite that only passes when asked again has not passed.
    else this.#failed += count;
  }
}

const SKIPPED = [
  /^test (.+) \.\.\. ignored/,
  // A test that says why it is skipped shows that where others show SKIP.
  /^\s*﹣ (.+?) \([\d.]+ms\) # /,
  /^\s*﹣ (.+?) # (?:SKIP|TODO)/,
  /^\s+↓ (.+)$/,
  /^ {2}- {2,}\d+ (.+)$/,
];
