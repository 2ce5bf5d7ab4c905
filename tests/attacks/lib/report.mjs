// The table of attacks: what each got from the player, and that it gets its prize from a page that leaks.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "@playwright/test";

const SPECS = fileURLToPath(new URL("..", import.meta.url));
const TABLE = fileURLToPath(new URL("../../test-results/attacks.md", import.meta.url));
const ANNOTATION = "attack";
/** As docs/SECURITY.md names them; a spec is of the class whose number its name begins with. */
const CLASSES = {
  1: "Network capture",
  2: "Main-world hooks",
  3: "Worker re-bootstrap",
  4: "WebCrypto",
  5: "Messages",
  6: "Player objects",
  7: "WebAssembly",
  8: "Substitution",
  9: "Process memory",
  10: "Generic downloaders",
  11: "Reimplementation",
  12: "Server key substituted",
};
const classOf = (file) => Number.parseInt(basename(file), 10);

/**
 * Notes what the running test's attack came to, as a row of the table. Call it before what is expected of it, so that a leak stands
 * in the table, too.
 *
 * `player` is how many secrets, files or other prizes the attack got from the player. `control` is how many the same attack got from
 * the page that leaks: with none the run fails, because then nothing is known of the player either. `tier` is `promised`, where the
 * player must leak nothing, or `costly`, where the table only says what is the case. `figure` says in words what was counted.
 */
export function record({ attack, player, control, figure, tier = "promised" }) {
  for (const [name, count] of Object.entries({ player, control }))
    if (!Number.isInteger(count) || count < 0) throw new Error(`${attack}: ${name} is a count, not ${count}`);
  if (!figure) throw new Error(`${attack}: has no figure`);
  const description = JSON.stringify({ attack, player, control, figure, tier });
  test.info().annotations.push({ type: ANNOTATION, description });
}

/** What is wrong with the rows of a run; `specs` are those that were run. */
export function failuresOf(rows, specs, isWhole) {
  const has = new Set(rows.map((row) => row.class));
  const wanted = isWhole ? Object.keys(CLASSES).map(Number) : specs.map(classOf);
  return [
    ...[...new Set(wanted)].filter((one) => !has.has(one)).map((one) => `class ${one}: nothing was recorded`),
    ...rows
      .filter(({ control }) => control === 0)
      .map((row) => `class ${row.class}, ${row.attack}: control not caught`),
    ...rows
      .filter(({ tier, player }) => tier === "promised" && player > 0)
      .map((row) => `class ${row.class}, ${row.attack}: the player leaks (${row.player})`),
  ];
}

export function tableOf(rows) {
  const cell = (text) => String(text).replaceAll("|", "\\|").replaceAll("\n", " ");
  const line = (cells) => `| ${cells.map(cell).join(" | ")} |`;
  const sorted = [...rows].sort((a, b) => a.class - b.class || a.order - b.order);
  return [
    line(["class", "attack", "player", "control", "figure"]),
    "|---|---|---|---|---|",
    ...sorted.map((row) =>
      line([
        `${row.class} ${CLASSES[row.class]}`,
        row.attack,
        row.tier === "promised" ? row.player : `${row.player} (costly)`,
        row.control > 0 ? `caught: ${row.control}` : "NOT CAUGHT",
        row.figure,
      ]),
    ),
  ].join("\n");
}

/** For Playwright: prints the table at the end of a run that had attacks in it, and writes it to `test-results/attacks.md`. */
export default class AttackReporter {
  #rows = [];
  #specs = new Set();

  printsToStdio() {
    return true;
  }

  onBegin(_config, suite) {
    for (const one of suite.allTests())
      if (dirname(one.location.file) === dirname(join(SPECS, "a"))) this.#specs.add(one.location.file);
  }

  onTestEnd({ location }, { annotations }) {
    if (!this.#specs.has(location.file)) return;
    for (const { type, description } of annotations)
      if (type === ANNOTATION)
        this.#rows.push({ class: classOf(location.file), order: location.line, ...JSON.parse(description) });
  }

  onEnd() {
    if (this.#specs.size === 0) return undefined;
    const all = readdirSync(SPECS).filter((name) => name.endsWith(".spec.mjs"));
    const failures = failuresOf(this.#rows, [...this.#specs], all.length === this.#specs.size);
    const table = tableOf(this.#rows);
    mkdirSync(dirname(TABLE), { recursive: true });
    writeFileSync(TABLE, `${table}\n`);
    console.log(`\n${table}`);
    for (const failure of failures) console.log(`attacks: ${failure}`);
    return failures.length > 0 ? { status: "failed" } : undefined;
  }
}
