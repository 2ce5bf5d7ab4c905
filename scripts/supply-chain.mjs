// `npm run supply-chain`: checks what Keyveil is built from, and writes bills of material (CycloneDX) to target/sbom/. Installs
// cargo-deny and cargo-cyclonedx into target/tools where they are missing.
//
// Exit code 0: everything was checked and holds. 1: something does not hold. 3: nothing was found, and something was NOT CHECKED,
// because who knows of it (the advisory databases of RustSec and npm) did not answer.
import { command } from "./lib/command.mjs";
import { Steps, Stop, say } from "./lib/steps.mjs";
import {
  cargoTool,
  lockfileProblems,
  npmLockIsWhole,
  outcome,
  outcomeOfOthers,
  writeCrateBills,
  writeNpmBill,
} from "./lib/supply-chain.mjs";

const NOT_CHECKED = 3;

await command(async () => {
  const steps = new Steps(7);
  const results = [];
  /** One check; `work` answers `{ result, output? }`. A tool that can't be had has checked nothing. */
  const check = (name, work) =>
    steps.step(name, async (show) => {
      const { result, output = "" } = await work(show).catch((error) => {
        if (!(error instanceof Stop)) throw error;
        return { result: "not checked", output: `${error.message}\n${error.output}` };
      });
      if (result !== "passed") say(output.trimEnd());
      results.push({ name, result });
      return result === "not checked" ? "NOT CHECKED" : result;
    });
  const judged = (holds, output = "") => ({ result: holds ? "passed" : "failed", output });

  await check("lockfiles: places, digests, licences", async () => {
    const problems = await lockfileProblems();
    return judged(problems.length === 0, problems.join("\n"));
  });
  await check("package-lock.json installs", async () => judged(await npmLockIsWhole(), "npm ci --dry-run refuses it"));
  await check("crates: licences, bans, sources", async (show) =>
    outcome(await cargoTool("cargo-deny", show), ["check", "licenses", "bans", "sources"]),
  );
  await check("crates: known advisories", async (show) => {
    const deny = await cargoTool("cargo-deny", show);
    // Its last line judges; without the database there is none.
    return outcomeOfOthers(deny, ["check", "advisories"], (output) => /^advisories FAILED/m.test(output));
  });
  await check("npm packages: known advisories", () =>
    outcomeOfOthers("npm", ["audit"], (output) => /\d+ (\w+ severity )?vulnerabilit/.test(output)),
  );
  await check("bill of npm packages", async () => judged((await writeNpmBill()) > 0));
  await check("bills of crates", async (show) => {
    const bills = await writeCrateBills(await cargoTool("cargo-cyclonedx", show));
    return judged(
      Object.values(bills).some((components) => components > 0),
      JSON.stringify(bills),
    );
  });

  const of = (result) => results.filter((each) => each.result === result);
  say("");
  for (const { name, result } of results) say(`${result.padEnd(11)}  ${name}`);
  for (const { name } of of("not checked"))
    say(`NOT CHECKED: ${name}: who knows of them did not answer. This is no pass.`);
  if (of("failed").length > 0) return 1;
  return of("not checked").length > 0 ? NOT_CHECKED : 0;
});
