// Processes as Linux shows them in /proc, and the ones that a test starts.
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { until } from "./wait.mjs";

const read = (path, otherwise = "") => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It ended meanwhile, or is not ours to look at.
    return otherwise;
  }
};

const pids = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name));

/** State, parent and name of a process; null when there is none. */
function status(pid) {
  const text = read(`/proc/${pid}/status`);
  const field = (name) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(text)?.[1];
  return text === "" ? null : { name: field("Name"), state: field("State"), parent: Number(field("PPid")) };
}

/** A process that was killed and not yet waited for is no more. */
export function isAlive(pid) {
  const found = status(pid);
  return found !== null && found.state !== "Z" && found.state !== "X";
}

const commandLine = (pid) => read(`/proc/${pid}/cmdline`).split("\0").join(" ").trim();

/** The living child of `pid` with this name and these words on its command line, or undefined. */
export function childOf(pid, name, words) {
  return pids()
    .map(Number)
    .find((child) => {
      const found = status(child);
      return found?.parent === pid && found.name === name && commandLine(child).includes(words) && isAlive(child);
    });
}

/** A process and all the children that it has now. */
export function withChildren(pid) {
  return [
    pid,
    ...pids()
      .map(Number)
      .filter((child) => status(child)?.parent === pid),
  ];
}

/** Every living process that was started with `variable` (NAME=value) in its environment, by itself or by an ancestor. */
export function startedWith(variable) {
  return pids()
    .filter((pid) => read(`/proc/${pid}/environ`).split("\0").includes(variable) && isAlive(pid))
    .map((pid) => ({ pid: Number(pid), command: commandLine(pid) }));
}

/** Files that these processes have open and that no folder lists any more: [{ name, path }], to be read under `path`. */
export function unlistedFiles(processes) {
  return processes.flatMap(({ pid }) => {
    const folder = `/proc/${pid}/fd`;
    let numbers = [];
    try {
      numbers = readdirSync(folder);
    } catch {
      return [];
    }
    return numbers.flatMap((number) => {
      const path = `${folder}/${number}`;
      try {
        const name = readlinkSync(path);
        // What the kernel keeps in memory alone (memfd:) is on no disk.
        return name.startsWith("/memfd:") || !name.endsWith(" (deleted)") || !statSync(path).isFile()
          ? []
          : [{ name, path }];
      } catch {
        return [];
      }
    });
  });
}

/** SIGKILL: nothing of it runs any more when this resolves. */
export async function killNow(pid) {
  if (!isAlive(pid)) throw new Error(`process ${pid} had ended before it was killed`);
  process.kill(pid, "SIGKILL");
  await until(`process ${pid} to end`, () => !isAlive(pid));
}
