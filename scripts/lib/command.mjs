// The frame of every command: failures are shown as a sentence, children are ended, and the exit code is set.
import { CommandFailed, onInterrupt, stopAll } from "./children.mjs";
import { Stop, say } from "./steps.mjs";

const OUTPUT_LINES_SHOWN = 60;
const CLEAN_UP_MS_MAX = 5000;

/**
 * Runs `work`, which may answer an exit code. An interrupt ends all children, lets `work` clean up after itself, and makes
 * the exit code `interruptedCode`.
 */
export async function command(work, { interruptedCode = 130 } = {}) {
  let interrupted = false;
  const ended = work().then(
    (code) => code ?? 0,
    // What failed because it was being stopped is no failure to report.
    (error) => (interrupted ? interruptedCode : shown(error)),
  );
  onInterrupt(async () => {
    interrupted = true;
    await stopAll();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, CLEAN_UP_MS_MAX))]);
    process.exit(interruptedCode);
  });
  const code = await ended;
  if (interrupted) return;
  await stopAll();
  process.exit(code);
}

function shown(error) {
  if (!(error instanceof Stop) && !(error instanceof CommandFailed)) {
    say(error?.stack ?? String(error));
    return 1;
  }
  const lines = (error.output ?? "").trimEnd().split("\n");
  if (lines.length > OUTPUT_LINES_SHOWN) say(`… ${lines.length - OUTPUT_LINES_SHOWN} lines before`);
  if (error.output) say(lines.slice(-OUTPUT_LINES_SHOWN).join("\n"));
  say(`\n${error.message}`);
  return error instanceof Stop ? error.exitCode : 1;
}
