// A server in front of the key server: what browsers reach it by. It serves pages of its own, counts what is transferred, slows
// media down, and puts other bytes in the place of a segment's. Surer than a browser's own throttling, which leaves workers out.
import { Agent, createServer, request } from "node:http";
import { gzipSync } from "node:zlib";

const PIECE_BYTES = 8 << 10;
/** As the key server's own pages: workers come from the page's own server, or not at all. */
const PAGE_POLICY =
  "default-src 'self'; worker-src 'self'; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'";

export class Gate {
  /** Bytes per second of all media together; null: as fast as it goes. */
  rate = null;
  /** How long the way there and back takes, in milliseconds: for a connection to be made, and for each request on it. */
  roundTripMs = 0;
  /** Answers other bytes for a segment, or null: `(path, bytes) => Buffer | null`. */
  replace = () => null;
  /** What was transferred of pages and SDK since it was cleared: path → { bytes, gzip }. */
  transferred = new Map();
  #files;
  #server;
  #agent = new Agent({ keepAlive: true });
  #freeAtMs = 0;
  #upstream = null;
  /** Connections by when they were asked for, until their first request. */
  #made = new WeakMap();

  /** `files`: path → { type, body }. */
  constructor(files) {
    this.#files = files;
    this.#server = createServer((asked, answer) => this.#receive(asked, answer));
    this.#server.on("connection", (socket) => this.#made.set(socket, performance.now()));
  }

  async open() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = this.#server.address().port;
    this.origin = `http://127.0.0.1:${this.port}`;
    return this;
  }

  /** From now on passes everything else on to a server there. */
  leadTo(port) {
    this.#upstream = port;
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#agent.destroy();
  }

  /** All of the way at once: nobody can tell on which half of it the time was spent. */
  async #receive(asked, answer) {
    const now = performance.now();
    const madeMs = this.#made.get(asked.socket) ?? Number.NEGATIVE_INFINITY;
    this.#made.delete(asked.socket);
    // A browser that connects ahead of its first request has done some of that waiting already.
    const ms = Math.max(0, madeMs + this.roundTripMs - now) + this.roundTripMs;
    if (this.roundTripMs > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    if (!answer.destroyed) this.#serve(asked, answer);
  }

  #serve(asked, answer) {
    const path = asked.url.split("?")[0];
    const file = this.#files.get(path);
    if (file === undefined) {
      this.#passOn(asked, answer, path);
      return;
    }
    this.#count(path, file.body);
    answer.writeHead(200, { "Content-Type": file.type, "Content-Security-Policy": PAGE_POLICY });
    answer.end(file.body);
  }

  #passOn(asked, answer, path) {
    // Sizes are counted as they are; how they compress is measured here, and the same for all.
    const { "accept-encoding": _, ...headers } = asked.headers;
    const { method, url } = asked;
    const options = { port: this.#upstream, host: "127.0.0.1", method, path: url, headers, agent: this.#agent };
    const passed = request(options, (received) => {
      const isMedia = path.startsWith("/media/");
      const isSegment = path.endsWith(".m4s");
      if (isSegment || (!isMedia && path.startsWith("/sdk/")) || (isMedia && this.rate !== null))
        this.#whole(received, answer, path).catch(() => answer.destroy());
      else {
        answer.writeHead(received.statusCode, received.headers);
        received.pipe(answer);
      }
    });
    // The browser went away, or the server did: the other side learns it.
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    asked.pipe(passed);
  }

  async #whole(received, answer, path) {
    const pieces = [];
    for await (const piece of received) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    if (path.startsWith("/sdk/")) this.#count(path, bytes);
    const body = (received.statusCode === 200 && this.replace(path, bytes)) || bytes;
    answer.writeHead(received.statusCode, { ...received.headers, "content-length": String(body.length) });
    if (this.rate === null || !path.startsWith("/media/")) {
      answer.end(body);
      return;
    }
    for (let at = 0; at < body.length && !answer.destroyed; at += PIECE_BYTES) {
      const piece = body.subarray(at, at + PIECE_BYTES);
      await this.#turn(piece.length);
      answer.write(piece);
    }
    answer.end();
  }

  /** Waits until the link has carried what was before. All answers share it. */
  async #turn(bytes) {
    const now = performance.now();
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + (bytes * 1000) / (this.rate ?? Number.POSITIVE_INFINITY);
    await new Promise((resolve) => setTimeout(resolve, this.#freeAtMs - now));
  }

  #count(path, body) {
    if (!this.transferred.has(path)) this.transferred.set(path, { bytes: body.length, gzip: gzipSync(body).length });
  }
}
