// One installation of Keyveil in one data folder: what the `key-server` command makes there, and the server itself.
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { run, start } from "./children.mjs";
import { exists } from "./fingerprint.mjs";
import { inRoot, keyServerBinary } from "./places.mjs";
import { Stop } from "./steps.mjs";

const READY_MS_MAX = 30_000;
const LOG_LINES_KEPT = 200;

export class Installation {
  /** `port` matters only to `serve`. */
  constructor(data, port = 8080) {
    this.data = data;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.mediaDir = join(data, "media");
    this.env = {
      KEYVEIL_DATA: data,
      KEYVEIL_LISTEN: `127.0.0.1:${port}`,
      KEYVEIL_PAGES_WWW_DIR: inRoot("www/dist"),
      KEYVEIL_PAGES_SDK_DIRS: [join(data, "sdk"), inRoot("player-wasm/dist")].join(","),
    };
  }

  /** Runs one `key-server` command against this data folder. */
  async keyServer(args, input = null) {
    return run(keyServerBinary, args, { env: this.env, input }).catch((error) => {
      throw new Stop(`key-server ${args[0]} failed.`, { output: error.output });
    });
  }

  /** Whether a title's media are here: whoever removed them wants them made anew. */
  async hasMedia(fileId) {
    return exists(join(this.mediaDir, fileId));
  }

  /** Database, root key, server key and SDK build: made once, harmless to repeat. */
  async init() {
    await mkdir(this.data, { recursive: true, mode: 0o700 });
    await this.keyServer(["init"]);
  }

  /** The player's files of the newest SDK build, served at /sdk/ before the SDK's own. */
  async writeSdk() {
    const folders = ["--sdk", inRoot("player-wasm/dist"), "--out", join(this.data, "sdk")];
    const said = await this.keyServer(["build", "write", ...folders]);
    return said.trim().split("\n").at(-1);
  }

  /** Starts the server and answers once it is ready: its child process, which ends when it is stopped. */
  async serve({ wait }) {
    wait(`${this.url}/readyz`);
    const log = [];
    let shown = false;
    const onLine = (line) => {
      if (shown) process.stderr.write(`${line}\n`);
      log.push(line);
      if (log.length > LOG_LINES_KEPT) log.shift();
    };
    const server = start(keyServerBinary, ["serve"], { env: this.env, onLine });
    server.showLog = () => {
      shown = true;
    };
    const ended = server.ended.then(({ code }) => {
      throw new Stop(`The key server ended with exit code ${code}.`, { output: log.join("\n") });
    });
    await Promise.race([this.#ready(), ended]);
    ended.catch(() => null);
    return server;
  }

  async #ready() {
    const until = Date.now() + READY_MS_MAX;
    while (Date.now() < until) {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2000) }).catch(() => null);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Stop(`The key server was not ready after ${READY_MS_MAX / 1000} s.`);
  }
}

/** Whether a server could listen there now; otherwise a Stop that says what to do. */
export async function checkPortFree(port) {
  const error = await new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", resolve);
    probe.listen({ host: "127.0.0.1", port, exclusive: true }, () => probe.close(() => resolve(null)));
  });
  if (error === null) return;
  const why = error.code === "EADDRINUSE" ? "is in use" : `can't be used (${error.code})`;
  throw new Stop(`Port ${port} on 127.0.0.1 ${why}. Stop what uses it, or choose another: KEYVEIL_PORT=8081 npm start`);
}
