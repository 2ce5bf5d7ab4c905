// Part of `npm run check`: what Cargo.lock and package-lock.json say of where everything comes from (lib/lockfiles.mjs).
import { command } from "./lib/command.mjs";
import { say } from "./lib/steps.mjs";
import { lockfileProblems } from "./lib/supply-chain.mjs";

await command(async () => {
  const problems = await lockfileProblems();
  for (const problem of problems) say(problem);
  return problems.length > 0 ? 1 : 0;
});
