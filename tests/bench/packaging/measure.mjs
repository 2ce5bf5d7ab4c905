// What a command costs, with all that it starts: processor time, time, memory.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const POLL_MS = 10;
const PAGE_BYTES = Number(execFileSync("getconf", ["PAGESIZE"], { encoding: "utf8" }));
/** Processor time comes from the kernel's account of processes that were waited for; programs here wait for theirs. */
const ACCOUNT = `
import json, resource, subprocess, sys, time
began = time.monotonic()
process = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
wall = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"code": process.returncode, "said": process.stderr[-2000:].decode(errors="replace"),
                  "cpu": used.ru_utime + used.ru_stime, "wall": wall, "largest": used.ru_maxrss / 1024}))
`;

/**
 * Runs a command to its end: { cpu, wall } in seconds, { memory } in MiB: the most that all its processes had resident at
 * once, looked at every 10 ms (what they share counts for each), or the most that the largest one ever had.
 */
export async function cost([command, ...args], { cwd, env = {} } = {}) {
  const child = spawn("python3", ["-c", ACCOUNT, command, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, residentBelow(child.pid));
  }, POLL_MS);
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => child.once("close", resolve)).finally(() => clearInterval(timer));
  const { code, said, cpu, wall, largest } = JSON.parse(text);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said}`);
  return { cpu, wall, memory: Math.max(most / 2 ** 20, largest) };
}

/** Bytes resident in all processes below this one. */
function residentBelow(pid) {
  let bytes = 0;
  for (const child of childrenOf(pid)) {
    const pages = Number(read(`/proc/${child}/statm`).split(" ")[1] ?? 0);
    bytes += pages * PAGE_BYTES + residentBelow(child);
  }
  return bytes;
}

const childrenOf = (pid) => read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
