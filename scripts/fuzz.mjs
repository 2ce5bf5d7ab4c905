// `npm run fuzz [-- TARGET … --minutes N]`: every target of fuzz/ (or those named) for N minutes each, 5 unless told, guided by
// coverage. Installs cargo-fuzz below target/ when it is missing; the stable toolchain is enough. What it finds beyond the
// committed corpus stays in target/fuzz-corpus and is where the next run begins; what breaks a rule is written to fuzz/artifacts.
//
// Ends with a table; the exit code is not zero when a rule was broken. `npm test` has the short run, always the same.
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run, start, works } from "./lib/children.mjs";
import { command } from "./lib/command.mjs";
import { exists } from "./lib/fingerprint.mjs";
import { inRoot, targetDir } from "./lib/places.mjs";
import { ensureRust } from "./lib/rust.mjs";
import { Steps, Stop, say } from "./lib/steps.mjs";
import { ensureSystem } from "./lib/system.mjs";

const CARGO_FUZZ_VERSION = "0.13.2";
const INPUT_LEN_MAX = 8192;
const tools = join(targetDir, "cargo-fuzz");
const cargoFuzz = join(tools, "bin", "cargo-fuzz");
// No sanitizer: those need a nightly compiler, and there is no unsafe code of ours for them to watch. Nor `cfg(fuzzing)`, which
// switches some crates' cryptography off: what is fuzzed is what runs.
const OPTIONS = ["--sanitizer", "none", "--no-cfg-fuzzing", "--features", "libfuzzer"];
const PLACES = ["--fuzz-dir", inRoot("fuzz"), "--target-dir", join(targetDir, "fuzz")];

await command(async () => {
  const { values, positionals } = parseArgs({
    options: { minutes: { type: "string", default: "5" } },
    allowPositionals: true,
  });
  const secs = Math.round(Number(values.minutes) * 60);
  if (!(secs > 0)) throw new Stop("--minutes is a number above 0.");
  const targets = await targetsNamed(positionals);
  const steps = new Steps(3);
  await steps.step("Rust, and the C++ compiler that libFuzzer needs", async (show) => {
    await ensureSystem([{ name: "c++", package: "g++", check: () => works("c++") }], show);
    return ensureRust(show);
  });
  await steps.step(`cargo-fuzz ${CARGO_FUZZ_VERSION}`, ensureCargoFuzz);
  await steps.step("targets", async ({ wait }) => {
    const onLine = (line) => /^\s*Compiling/.test(line) && wait(line.trim());
    await run(cargoFuzz, ["build", ...OPTIONS, ...PLACES], { onLine });
    return `${targets.length} of them`;
  });
  const results = [];
  for (const target of targets) results.push(await fuzz(target, secs));
  report(results);
  return results.some(({ broken }) => broken) ? 1 : 0;
});

async function targetsNamed(names) {
  const manifest = await readFile(inRoot("fuzz/Cargo.toml"), "utf8");
  const all = [...manifest.matchAll(/path = "bin\/(\w+)\.rs"/g)].map(([, name]) => name);
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Stop(`No target ${unknown.join(", ")}; there are ${all.join(", ")}.`);
  return names.length > 0 ? names : all;
}

async function ensureCargoFuzz({ wait }) {
  if ((await exists(cargoFuzz)) && (await run(cargoFuzz, ["--version"])).includes(CARGO_FUZZ_VERSION)) return "found";
  const onLine = (line) => /^\s*Compiling/.test(line) && wait(line.trim());
  await run("cargo", ["install", "cargo-fuzz", "--version", CARGO_FUZZ_VERSION, "--root", tools], { onLine });
  return "installed";
}

/** One target: what libFuzzer says of it, in numbers. */
async function fuzz(target, secs) {
  const grown = join(targetDir, "fuzz-corpus", target);
  await mkdir(grown, { recursive: true });
  say(`\n── ${target}, ${secs} s`);
  const state = { target, executions: 0, covered: [], inputs: [], finds: [] };
  const limits = [`-max_total_time=${secs}`, `-max_len=${INPUT_LEN_MAX}`, "-print_final_stats=1", "-timeout=10"];
  const args = ["run", ...OPTIONS, ...PLACES, target, grown, inRoot("fuzz/corpus", target), "--", ...limits];
  const onLine = (line) => {
    read(line, state);
    if (/INITED|DONE|pulse|panicked|Test unit|ERROR|SUMMARY/.test(line)) say(line);
  };
  const { code } = await start(cargoFuzz, args, { onLine }).ended;
  return { ...state, secs, broken: code !== 0, kept: (await readdir(grown)).length };
}

function read(line, state) {
  const progress = /\b(?:INITED|NEW|REDUCE|DONE|pulse)\s+cov: (\d+) ft: \d+ corp: (\d+)\//.exec(line);
  if (progress !== null) {
    state.covered.push(Number(progress[1]));
    state.inputs.push(Number(progress[2]));
  }
  const done = /stat::number_of_executed_units:\s*(\d+)/.exec(line);
  if (done !== null) state.executions = Number(done[1]);
  const found = /Test unit written to (\S+)/.exec(line);
  if (found !== null) state.finds.push(found[1]);
}

function report(results) {
  say("\ntarget         executions  per second  coverage        inputs        broken");
  for (const { target, executions, secs, covered, inputs, broken, finds } of results) {
    const from = (list) => `${list[0] ?? 0} → ${list.at(-1) ?? 0}`;
    const row = [
      target.padEnd(13),
      String(executions).padStart(11),
      String(Math.round(executions / secs)).padStart(11),
      `  ${from(covered).padEnd(14)}`,
      `  ${from(inputs).padEnd(12)}`,
      broken ? `  yes: ${finds.join(", ")}` : "  no",
    ];
    say(row.join(""));
  }
}
