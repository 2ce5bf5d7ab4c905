// A process of a cluster: it can be killed, made to stand still, and started anew at the same place.
import { stop } from "../../../scripts/lib/children.mjs";
import { isAlive } from "../../faults/lib/processes.mjs";
import { until } from "../../faults/lib/wait.mjs";

export class Member {
  #begin;
  #processes;

  /** `begin()` starts it, waits until it is ready, and answers its child process; `processes(pid)` are all that do its work, itself first. */
  constructor(name, begin, { processes = (pid) => [pid], endBy = "SIGTERM" } = {}) {
    this.name = name;
    this.endBy = endBy;
    this.child = null;
    this.#begin = begin;
    this.#processes = processes;
  }

  get isAlive() {
    return this.child !== null && isAlive(this.child.pid);
  }

  /** Resolves once it is ready. */
  async start() {
    if (this.isAlive) throw new Error(`${this.name} runs already`);
    this.child = await this.#begin(this.child);
  }

  /** SIGKILL to all of its processes at once, as a machine dies. Nothing of it runs any more when this resolves. */
  async kill() {
    const pids = this.#processes(this.child.pid);
    if (!this.isAlive) throw new Error(`${this.name} had ended before it was killed`);
    signal(pids, "SIGKILL");
    await until(`${this.name} to be dead`, () => !pids.some(isAlive));
  }

  /** It stands still and keeps its connections: whoever asks it waits. */
  pause() {
    signal(this.#processes(this.child.pid), "SIGSTOP");
  }

  goOn() {
    signal(this.#processes(this.child.pid), "SIGCONT");
  }

  /** As at a shutdown. Answers its exit code or signal; null where it did not run. */
  async stop() {
    if (!this.isAlive) return null;
    this.goOn();
    await stop(this.child, this.endBy);
    const { code, signal } = await this.child.ended;
    return code ?? signal;
  }
}

function signal(pids, name) {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      // It ended by itself meanwhile.
      if (error.code !== "ESRCH") throw error;
    }
  }
}
