// What the processes of a cluster say: the latest lines at hand, all of them in a file.
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";

const LINES_KEPT = 400;

export class Log {
  #lines = [];
  #file = null;

  /** `path`: of the file, which is begun anew; null for none. */
  constructor(path = null) {
    if (path === null) return;
    mkdirSync(dirname(path), { recursive: true });
    this.#file = createWriteStream(path);
  }

  /** What a process's lines are given to. */
  of(name) {
    return (line) => {
      const said = `${new Date().toISOString()} [${name}] ${line}`;
      this.#file?.write(`${said}\n`);
      if (process.env.KEYVEIL_TEST_LOG) process.stderr.write(`${said}\n`);
      this.#lines.push(said);
      if (this.#lines.length > LINES_KEPT) this.#lines.shift();
    };
  }

  get text() {
    return this.#lines.join("\n");
  }

  close() {
    this.#file?.end();
  }
}
