// The frame of every command: failures are shown as a sentence, children are ended, and the exit code is set.
import { CommandFailed, onInterrupt, stopAll } from "./children.mjs";
import { Stop, say } from "./steps.mjs";

const OUTPUT_LINES_SHOWN = 60;

/** Runs `work`, which may answer an exit code. An interrupt ends all children first; `interruptedCode` is then the exit code. */
export async function command(work, { interruptedCode = 130 } = {}) {
  let interrupted = false;
  onInterrupt(async () => {
    interrupted = true;
    await stopAll();
    process.exit(interruptedCode);
  });
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    // What failed because it was being stopped is no failure to report.
    if (interrupted) return;
    process.exitCode = shown(error);
  }
  await stopAll();
  if (!interrupted) process.exit();
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
