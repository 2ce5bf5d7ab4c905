// A whole installation of its own: data folder, key server on a free port, workers; each a process that can be killed by its
// pid. Everything it starts keeps its temporary files in the stack's own folder and is known by that in /proc.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, start } from "../../../scripts/lib/children.mjs";
import { keyServerBinary, packagerBinary } from "../../../scripts/lib/places.mjs";
import { Api, send } from "./http.mjs";
import { freePort } from "./ports.mjs";
import { childOf, isAlive, killNow, startedWith } from "./processes.mjs";
import { until } from "./wait.mjs";

const LOG_LINES_KEPT = 400;

export class Stack {
  #log = [];
  #port;
  #settings;
  #workers = [];
  #server = null;

  /** `settings`: more KEYVEIL_… variables of the server. `prepare(stack)` runs when its folders are there, before the server. */
  static async start({ settings = {}, prepare = () => null } = {}) {
    const stack = new Stack();
    stack.folder = mkdtempSync(join(tmpdir(), "keyveil-test-"));
    stack.data = join(stack.folder, "data");
    stack.temporary = join(stack.folder, "tmp");
    for (const folder of [stack.data, stack.temporary]) mkdirSync(folder, { mode: 0o700 });
    stack.#port = await freePort();
    stack.url = `http://127.0.0.1:${stack.#port}`;
    stack.#settings = settings;
    try {
      await stack.keyServer("init");
      const app = JSON.parse(await stack.keyServer("app", "create", "--name", "faults", "--json"));
      stack.appId = app.appId;
      stack.apiKey = app.apiKey;
      stack.api = new Api(stack.url, app.apiKey);
      stack.workerKey = (await stack.makeWorkerKey("faults")).token;
      await prepare(stack);
      await stack.startServer();
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /** { apiKeyId, token } */
  async makeWorkerKey(name) {
    return JSON.parse(await this.keyServer("worker", "create", "--name", name, "--json"));
  }

  get port() {
    return this.#port;
  }

  get serverPid() {
    return this.#server.pid;
  }

  /** What its processes said of late, for whoever must understand a failure. */
  get log() {
    return this.#log.join("\n");
  }

  async keyServer(...args) {
    const environment = this.#environment();
    return run(keyServerBinary, args, environment);
  }

  /** Any `packager` command, as a user would run it. */
  packager(args, env = {}) {
    return run(packagerBinary, args, this.#environment(env));
  }

  /** The same, not waited for. */
  beginPackager(args, env = {}) {
    return start(packagerBinary, args, { ...this.#environment(env), onLine: this.#keep("packager") });
  }

  async startServer() {
    this.#server = start(keyServerBinary, ["serve"], { ...this.#environment(), onLine: this.#keep("server") });
    const ready = async () => {
      if (!isAlive(this.#server.pid)) throw new Error(`the server ended:\n${this.log}`);
      const answer = await send("GET", `${this.url}/readyz`).catch(() => null);
      return answer?.status === 200;
    };
    await until("the server to be ready", ready, { seen: () => this.log });
  }

  /** A worker at `url`: the server's own address, or that of a gate before it. */
  startWorker({ name = "worker", url = this.url, key = this.workerKey } = {}) {
    const env = { KEYVEIL_SERVER: url, KEYVEIL_WORKER_TOKEN: key };
    const args = ["worker", "--name", name, "--cpus", "1"];
    const worker = start(packagerBinary, args, { ...this.#environment(env), onLine: this.#keep(name) });
    this.#workers.push(worker);
    return worker;
  }

  /** A worker's ffmpeg that makes "segments" or "sprites"; undefined when there is none. */
  ffmpegOf(worker, what) {
    return childOf(worker.pid, "ffmpeg", { segments: "-f hls", sprites: "tile=" }[what]);
  }

  killServer() {
    return killNow(this.#server.pid);
  }

  /** Everything of this stack that runs, whoever started it. */
  processes() {
    return startedWith(`TMPDIR=${this.temporary}`);
  }

  title(fileId) {
    return this.api.get(`/v1/titles/${fileId}`);
  }

  /** The jobs of a title, or of all. */
  jobs(fileId) {
    return this.api.all(`/v1/jobs${fileId ? `?fileId=${fileId}` : ""}`, "jobs");
  }

  /** Waits for a title to be in `state`; failing is an end too, and an error where it was not waited for. */
  async reached(fileId, state) {
    let title;
    const ask = async () => {
      title = await this.title(fileId).catch(() => title);
      if (title?.state === "failed" && state !== "failed")
        throw new Error(`${fileId} failed: ${JSON.stringify(title.failure)}\n${this.log}`);
      return title?.state === state && title;
    };
    return until(`${fileId} to be ${state}`, ask, {
      everyMs: 100,
      seen: () => `${JSON.stringify(title)}\n${this.log}`,
    });
  }

  /** Where a version's media lies. */
  mediaFolder(fileId, version) {
    return join(this.data, "media", version === 1 ? fileId : `${fileId}.${version}`);
  }

  /** Asks everything to end, as at a shutdown; answers how the server ended. */
  async stopProcesses() {
    const children = [...this.#workers, this.#server].filter((child) => child !== null && isAlive(child.pid));
    for (const child of children) process.kill(child.pid, "SIGTERM");
    const ends = await Promise.all(children.map((child) => child.ended));
    return ends.map(({ code, signal }) => code ?? signal);
  }

  /** Ends whatever still runs and removes the folder. */
  async stop() {
    for (const { pid } of this.processes()) await killNow(pid).catch(() => null);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #environment(more = {}) {
    return {
      cwd: this.folder,
      env: {
        TMPDIR: this.temporary,
        HOME: this.temporary,
        XDG_CACHE_HOME: "",
        XDG_STATE_HOME: "",
        KEYVEIL_DATA: this.data,
        KEYVEIL_LISTEN: `127.0.0.1:${this.#port}`,
        KEYVEIL_WORKERS_LOCAL: "false",
        ...this.#settings,
        ...more,
      },
    };
  }

  #keep(name) {
    return (line) => {
      if (process.env.KEYVEIL_TEST_LOG) process.stderr.write(`[${name}] ${line}\n`);
      this.#log.push(`[${name}] ${line}`);
      if (this.#log.length > LOG_LINES_KEPT) this.#log.shift();
    };
  }
}
