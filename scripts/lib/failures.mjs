// What failed and what was said of it, read from the lines of the runners that counts.mjs counts, so that the end of a run names it:
// thousands of lines lie between a failed test and the table, and often the last ones are all that is kept.
import { plain } from "./counts.mjs";

const LINES_MAX = 25;
const LINE_CHARS_MAX = 300;
const NAMES_MAX = 100;
const SHOWN_MAX = 10;

/** A stretch of lines about one failure: its name is in the line that begins it. */
const FORMS = [
  // cargo and wasm-bindgen's runner. What the test logged before it failed is left out: that can be long.
  {
    begins: /^---- (.+) (?:stdout|output) ----$/,
    ends: /^failures:$/,
    matters: /^(?:thread '.+' (?:\(\d+\) )?panicked at |Error: |note: test did not panic)/,
  },
  // The compiler and clippy. Others begin lines so, too: a place in a file must follow.
  { begins: /^(error(?:\[\w+\])?: .+)$/, ends: /^$/, second: /^ *--> (.+)$/ },
  // node --test: the second line has the test's name.
  { begins: /^test at (.+):\d+:\d+$/, ends: /^ℹ /, second: /^✖ (.+?)(?: \([\d.]+ms\))?$/ },
  // vitest
  { begins: /^ FAIL {2}(.+)$/, ends: /^⎯+/ },
  // Playwright
  {
    begins: /^ {2}\d+\) (.+ › .+?)(?: ─+)?$/,
    ends: /^ {2}\d+ (?:failed|flaky|skipped|did not run|interrupted|passed)\b/,
  },
];

/** In the order of `node --test`, what a file said when it could not be run stands before the line with its name. */
const NODE_FILE = /^✖ (.+\.[cm]?js) \([\d.]+ms\)$/;
const NODE_OTHER = /^\s*[✔✖▶﹣ℹ] /;

/** Finds the failures of one runner in its lines. */
export class Failures {
  #found = [];
  #open = null;
  #latest = [];
  #files = new Map();

  add(coloured) {
    const line = plain(coloured).slice(0, LINE_CHARS_MAX);
    this.#remember(line);
    for (const form of FORMS) {
      const name = form.begins.exec(line)?.[1];
      if (name !== undefined) return this.#begin(form, name);
    }
    if (this.#open !== null) this.#continue(line);
    return undefined;
  }

  /** `[{ name, lines }]`; `why` names a failure that the runner did not, by the last lines of all. */
  list(why) {
    if (this.#found.length === 0) return [{ name: why, lines: this.#latest.filter(Boolean) }];
    return this.#found.map(({ name, test, lines }) => ({ name, lines: this.#files.get(test) ?? lines }));
  }

  #remember(line) {
    const file = NODE_FILE.exec(line)?.[1];
    if (file !== undefined && !this.#files.has(file)) {
      const said = this.#latest.slice(this.#latest.findLastIndex((one) => NODE_OTHER.test(one)) + 1).filter(Boolean);
      if (said.length > 0 && this.#files.size < NAMES_MAX) this.#files.set(file, said);
    }
    this.#latest.push(line);
    if (this.#latest.length > LINES_MAX) this.#latest.shift();
  }

  #begin(form, name) {
    this.#open = { form, name, test: name, lines: [], named: form.second === undefined };
    if (this.#open.named) this.#keep();
  }

  #continue(line) {
    const { form, lines, named } = this.#open;
    if (!named) return this.#nameBy(line);
    if (form.ends.test(line)) {
      this.#open = null;
      return undefined;
    }
    if (form.matters?.test(line) && !this.#open.mattered) {
      this.#open.mattered = true;
      lines.length = 0;
    }
    if (line !== "" && lines.length < LINES_MAX) lines.push(line);
    return undefined;
  }

  #nameBy(line) {
    const more = this.#open.form.second.exec(line)?.[1];
    if (more === undefined) {
      this.#open = null;
      return;
    }
    Object.assign(this.#open, { named: true, test: more, name: `${this.#open.name}: ${more}` });
    this.#keep();
  }

  #keep() {
    if (this.#found.length < NAMES_MAX) this.#found.push(this.#open);
  }
}

/** What the end of a run says of all that failed: every name, and of the first ten what was said. */
export function tellFailures(results) {
  const all = results.flatMap((result) => result.failures.map((failure) => ({ suite: result.name, ...failure })));
  const told = all.flatMap(({ suite, name, lines }, index) => [
    `failed: ${suite}: ${name}`,
    ...(index < SHOWN_MAX ? lines.map((line) => `    ${line}`) : []),
  ]);
  const untold = all.length > SHOWN_MAX ? [`What was said of the last ${all.length - SHOWN_MAX} stands above.`] : [];
  return [...told, ...untold];
}
