// The memory of a browser's renderers, read from outside of them by `memscan` (tests/src/bin/memscan).
import { execFile, execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { binary, remove, scratch } from "../../e2e/lib/installation.mjs";
import { inverseMixed, roundKeys } from "../../memory/lib/aes-schedule.mjs";

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 64 << 20;

/** Another's memory is for root alone, or for who may become root. */
const SUDO = process.getuid() === 0 ? [] : ["sudo", "-n"];
export const mayRead = SUDO.length === 0 || works(...SUDO, "true");

function works(command, ...args) {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The processes that run pages and their workers. */
export async function renderersOf(browser) {
  const cdp = await browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  await cdp.detach();
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

/**
 * Searches all renderers for `secrets` and for AES key schedules, at this moment. Resolves to { bytes, found }; `found` is
 * [{ kind: "secret"|"schedule", secret: name|null, form, pid, region, … }]. A renderer that ended meanwhile has nothing left to read.
 */
export async function scan(browser, secrets) {
  const folder = scratch();
  try {
    const list = join(folder, "secrets.json");
    writeFileSync(list, JSON.stringify(secrets));
    const pids = (await renderersOf(browser)).flatMap((pid) => ["--pid", String(pid)]);
    const [command, ...args] = [...SUDO, binary("memscan"), "--secrets", list, ...pids];
    const { stdout } = await run(command, args, { maxBuffer: OUTPUT_BYTES_MAX });
    const { processes, found } = JSON.parse(stdout);
    const forbidden = processes.find(({ error }) => error?.includes("denied") || error?.includes("permitted"));
    if (forbidden) throw new Error(`process ${forbidden.pid}: ${forbidden.error}`);
    const bytes = processes.reduce((sum, process) => sum + (process.bytes ?? 0), 0);
    if (bytes === 0) throw new Error("no memory was read");
    return { bytes, found };
  } finally {
    remove(folder);
  }
}

const wordsSwapped = (bytes) => Buffer.from(bytes).swap32();

/** An AES-128 key expanded in the three forms that implementations keep: { form: bytes }. */
export function schedulesOf(key) {
  const rounds = roundKeys(key);
  const encryption = Buffer.concat([key, ...rounds]);
  const inverse = [key, ...rounds.slice(0, -1).map(inverseMixed), rounds.at(-1)];
  return {
    "AES-128 encryption": encryption,
    "AES-128 encryption, words swapped": wordsSwapped(encryption),
    "AES-128 decryption": Buffer.concat(inverse),
    "AES-128 decryption, rounds reversed, words swapped": wordsSwapped(Buffer.concat(inverse.reverse())),
  };
}
