// The processor time of the browser's worker, from the kernel's account of its thread: what else the machine does is not in it.
import { readdirSync, readFileSync } from "node:fs";

const NAME = "DedicatedWorker";

/** Milliseconds that the one worker below this process has computed so far. */
export function workerMs() {
  const [thread, ...others] = descendants(process.pid).flatMap(threadsOf);
  if (!thread || others.length > 0) throw new Error(`not one ${NAME} thread, but ${thread ? 1 + others.length : 0}`);
  const [nanoseconds] = readFileSync(`${thread}/schedstat`, "latin1").split(" ");
  return Number(nanoseconds) / 1e6;
}

function threadsOf(pid) {
  return tasksOf(pid).filter((task) => read(`${task}/comm`).startsWith(NAME));
}

function descendants(pid) {
  const children = tasksOf(pid).flatMap((task) => read(`${task}/children`).split(" ").filter(Boolean));
  return [pid, ...children.flatMap(descendants)];
}

function tasksOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`);
  } catch {
    return [];
  }
}

/** Nothing of a thread that has ended meanwhile. */
function read(file) {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
