// A Chromium of its own, spoken to in the DevTools protocol alone: Playwright lets workers run before anybody else can do something in
// them, a thief with the DevTools does not.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { remove, scratch } from "../../e2e/lib/installation.mjs";

const CALL_MS_MAX = 60_000;

/** `launchOptions` are those of Playwright's configuration. */
export async function launchByCdp({ executablePath, args }) {
  const profile = scratch();
  const flags = [
    "--headless=new",
    "--remote-debugging-pipe",
    `--user-data-dir=${profile}`,
    "--no-default-browser-check",
  ];
  const child = spawn(executablePath, [...flags, ...args, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const connection = new Connection(child.stdio[3], child.stdio[4]);
  const ended = once(child, "exit");
  return {
    connection,
    process: child,
    async close() {
      await connection.send("Browser.close").catch(() => child.kill());
      await ended;
      remove(profile);
    },
  };
}

/** Flat sessions over one pipe: messages end with a zero byte. */
class Connection {
  #input;
  #nextId = 1;
  #pending = new Map();
  #listeners = new Map();

  constructor(input, output) {
    this.#input = input;
    let chunks = [];
    output.on("data", (chunk) => {
      let begin = 0;
      for (let end = chunk.indexOf(0); end !== -1; end = chunk.indexOf(0, begin)) {
        chunks.push(chunk.subarray(begin, end));
        const message = Buffer.concat(chunks);
        chunks = [];
        begin = end + 1;
        this.#receive(JSON.parse(message.toString("utf8")));
      }
      chunks.push(chunk.subarray(begin));
    });
    output.on("close", () => {
      for (const { reject } of this.#pending.values()) reject(new Error("the browser is gone"));
    });
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), CALL_MS_MAX);
      const settle = (how) => (value) => {
        clearTimeout(timer);
        this.#pending.delete(id);
        how(value);
      };
      this.#pending.set(id, { method, resolve: settle(resolve), reject: settle(reject) });
      this.#input.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    });
  }

  /** `listen(method, params)` for each event of a session. */
  listen(sessionId, listen) {
    this.#listeners.set(sessionId, listen);
  }

  #receive({ id, method, params, sessionId, result, error }) {
    if (id === undefined) return this.#listeners.get(sessionId)?.(method, params);
    const call = this.#pending.get(id);
    if (error) call?.reject(new Error(`${call.method}: ${error.message}`));
    else call?.resolve(result);
  }
}
