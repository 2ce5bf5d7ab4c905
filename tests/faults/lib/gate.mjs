// Stands between a worker and its server, and holds what a test wants held: so a phase lasts until the test has struck.
import { createServer, request } from "node:http";
import { PassThrough, Transform } from "node:stream";

const BODY_BYTES_MAX = 1 << 26;

export class Gate {
  #server;
  #port;
  #holds = new Set();
  /** Connections of clients that are open. */
  clients = 0;

  /** In front of the server at `port` of this machine; it may come and go. */
  static async open(port) {
    const gate = new Gate();
    gate.#port = port;
    gate.#server = createServer((incoming, outgoing) => gate.#pass(incoming, outgoing));
    // A claim waits long, and so does what is held.
    gate.#server.requestTimeout = 0;
    gate.#server.on("connection", (socket) => {
      gate.clients++;
      socket.once("close", () => gate.clients--);
    });
    await new Promise((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    gate.url = `http://127.0.0.1:${gate.#server.address().port}`;
    return gate;
  }

  /**
   * Holds every request whose "METHOD path" matches, until `release()`; `held` resolves when the first one is. `at` says where:
   * "request" before it reaches the server, "middle" when the server has half of its body, "answer" when it was answered.
   */
  hold(pattern, at = "request") {
    const hold = { pattern, at };
    hold.held = new Promise((resolve) => {
      hold.tell = resolve;
    });
    hold.released = new Promise((resolve) => {
      hold.release = () => {
        this.#holds.delete(hold);
        resolve();
      };
    });
    this.#holds.add(hold);
    return hold;
  }

  async close() {
    for (const hold of this.#holds) hold.release();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(incoming, outgoing) {
    const line = `${incoming.method} ${incoming.url}`;
    incoming.on("error", () => null);
    outgoing.on("error", () => null);
    // Read at once, also while it is held: only who reads notices that the other side is gone.
    const body = incoming.pipe(new PassThrough({ highWaterMark: BODY_BYTES_MAX }));
    await this.#wait(line, "request");
    // Whoever sent it may be gone by now.
    if (incoming.socket.destroyed) return;
    const { method, url, headers } = incoming;
    const passed = request({ host: "127.0.0.1", port: this.#port, method, path: url, headers, agent: false });
    const breakOff = () => {
      passed.destroy();
      outgoing.destroy();
    };
    passed.on("error", breakOff);
    incoming.socket.once("close", breakOff);
    passed.on("response", async (response) => {
      response.on("error", breakOff);
      await this.#wait(line, "answer");
      if (outgoing.destroyed) return;
      outgoing.writeHead(response.statusCode, response.headers);
      response.pipe(outgoing);
      response.once("aborted", breakOff);
    });
    body.pipe(this.#halfway(line, Number(headers["content-length"] ?? 0))).pipe(passed);
  }

  /** Lets half of a body pass, then waits where that is wanted, then lets the rest pass. */
  #halfway(line, length) {
    let left = length >> 1;
    const wait = () => this.#wait(line, "middle");
    return new Transform({
      async transform(chunk, _encoding, done) {
        if (left >= 0) this.push(chunk.subarray(0, left));
        if (left >= 0 && chunk.length > left) {
          await wait();
          chunk = chunk.subarray(left);
          left = -1;
        } else if (left >= 0) {
          left -= chunk.length;
          return done();
        }
        done(null, chunk);
      },
    });
  }

  async #wait(line, at) {
    for (const hold of this.#holds) {
      if (hold.at !== at || !hold.pattern.test(line)) continue;
      hold.tell(line);
      await hold.released;
    }
  }
}
