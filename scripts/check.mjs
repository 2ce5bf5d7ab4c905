// `npm run check`: formatters, linters and type checkers of both languages, without a test. Every one runs, also after one
// that failed. Installs what is missing (Rust, npm packages) and builds the SDK's types, which the pages are checked against.
import { buildSdk } from "./lib/builds.mjs";
import { checks } from "./lib/checks.mjs";
import { command } from "./lib/command.mjs";
import { ensureNpmPackages } from "./lib/npm.mjs";
import { ensureRust } from "./lib/rust.mjs";
import { Steps, say } from "./lib/steps.mjs";
import { runSuite, summary } from "./lib/suite.mjs";

await command(async () => {
  const steps = new Steps(3);
  await steps.step("Rust and its WebAssembly target", ensureRust);
  await steps.step("npm packages", ensureNpmPackages);
  await steps.step("player SDK", buildSdk);
  const results = [];
  for (const check of await checks()) results.push(await runSuite({ ...check, kind: "check" }));
  const { table, failures } = summary(results);
  say(failures === "" ? table : `${table}\n\n${failures}`);
  return results.some((result) => !result.ok) ? 1 : 0;
});
