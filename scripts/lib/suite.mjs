// Runs one check or test runner with its output shown, and counts by the lines it closes with.
import { start } from "./children.mjs";
import { Counter } from "./counts.mjs";
import { Failures, tellFailures } from "./failures.mjs";
import { say, seconds } from "./steps.mjs";

/**
 * `suite`: `{ name, kind: "check"|"tests", command, args, env?, cwd? }`. A test runner that ends well without having run a
 * single case has failed: something that looks for its tests is broken.
 */
export async function runSuite(suite) {
  say(`\n── ${suite.name}: ${[suite.command, ...suite.args].join(" ")}`);
  const counter = new Counter();
  const failed = new Failures();
  const began = performance.now();
  const onLine = (line, stream) => {
    process[stream].write(`${line}\n`);
    counter.add(line);
    failed.add(line);
  };
  const { name, kind, command, args, env, cwd } = suite;
  const options = { onLine, ...(env && { env }), ...(cwd && { cwd }) };
  const { code, signal, error } = await start(command, args, options).ended;
  const counts = kind === "tests" ? counter.counts() : { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  const ended = error === null && code === 0;
  let why = ended ? "" : (error?.message ?? (signal ? `signal ${signal}` : `exit code ${code}`));
  if (ended && kind === "tests" && counts.passed + counts.failed + counts.skipped === 0) why = "ran no test";
  // A runner that broke before it could count is a failure too.
  if (why !== "" && counts.failed === 0) counts.failed = 1;
  const ok = why === "" && counts.failed === 0;
  const failures = ok ? [] : failed.list(why);
  return { name, kind, ok, why, ms: performance.now() - began, ...counts, failures };
}

/** Runs them all, also after a failure; ends with the table, what failed, and the line of counts. Resolves to the exit code. */
export async function runSuites(suites) {
  const results = [];
  for (const suite of suites) results.push(await runSuite(suite));
  const { table, failures, last } = summary(results);
  say(`${table}\n`);
  if (failures !== "") say(`${failures}\n`);
  process.stdout.write(`${last}\n`);
  return results.some((result) => !result.ok) ? 1 : 0;
}

export function summary(results) {
  const sum = (field) => results.reduce((total, result) => total + result[field], 0);
  const width = Math.max(...results.map((result) => result.name.length));
  const rows = results.map((result) => {
    const counts = `${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`;
    const outcome = result.kind === "check" && result.ok ? "ok" : counts;
    const why = result.why === "" ? "" : ` (${result.why})`;
    return `${result.ok ? "ok  " : "FAIL"}  ${result.name.padEnd(width)}  ${seconds(result.ms).padStart(11)}  ${outcome}${why}`;
  });
  const skipped = results.flatMap((result) => result.skippedNames.map((name) => `skipped: ${result.name}: ${name}`));
  return {
    table: ["", ...rows, ...skipped].join("\n"),
    failures: tellFailures(results).join("\n"),
    last: `${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`,
  };
}
