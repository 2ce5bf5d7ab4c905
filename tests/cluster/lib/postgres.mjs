// A PostgreSQL of Debian's package on a free port, in a folder of its own. It commits as it does by default: synced to the disk.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, start } from "../../../scripts/lib/children.mjs";
import { postgresFolder } from "../../../scripts/lib/system.mjs";
import { freePort } from "../../faults/lib/ports.mjs";
import { isAlive, withChildren } from "../../faults/lib/processes.mjs";
import { until } from "../../faults/lib/wait.mjs";
import { Member } from "./member.mjs";

const USER = "keyveil";
const LOG_LINES_KEPT = 400;
/** It refuses to run as root; whoever the package made it for is there with it. */
const ACCOUNT = "postgres";
const NAME = /^[a-z][a-z0-9_]{0,40}$/;
const isRoot = process.getuid?.() === 0;

export class Postgres extends Member {
  #password = randomBytes(12).toString("hex");
  #programs = postgresFolder();
  #log = [];
  #settings;
  #folder;
  #port;

  /** `folder`: an empty one to keep the data in, for example on a small file system; else one of its own is made, and removed by `remove`. `settings`: others than its own here. */
  static async start({ folder, settings = [] } = {}) {
    const postgres = new Postgres(settings);
    try {
      await postgres.#make(folder);
      await postgres.start();
    } catch (error) {
      await postgres.stop();
      postgres.remove();
      throw error;
    }
    return postgres;
  }

  constructor(settings) {
    // Each connection has a process, and each process a session of its own: a signal to the group would miss them.
    super("postgres", () => this.#serve(), { processes: withChildren, endBy: "SIGINT" });
    this.#settings = settings;
    if (this.#programs === null) throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  }

  get log() {
    return this.#log.join("\n");
  }

  get port() {
    return this.#port;
  }

  /** Makes a database; answers where a client finds it. */
  async createDatabase(name) {
    if (!NAME.test(name)) throw new Error(`${name} is no name for a database`);
    await this.query("postgres", `CREATE DATABASE ${name}`);
    return `postgres://${USER}:${this.#password}@127.0.0.1:${this.#port}/${name}`;
  }

  /** The rows that a statement answers, each a list of texts; NULL is an empty one. Throws what PostgreSQL says. */
  async query(database, statement) {
    const place = ["-h", "127.0.0.1", "-p", String(this.#port), "-U", USER, "-d", database];
    const form = ["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"];
    const env = { PGPASSWORD: this.#password, PGCONNECT_TIMEOUT: "5" };
    const said = await run(this.#program("psql"), [...form, ...place, "-c", statement], { env, cwd: "/" }).catch(
      (error) => {
        throw new Error(`${statement}: ${error.output}`);
      },
    );
    return said === "" ? [] : said.split("\n").map((line) => line.split("\t"));
  }

  /** Once it is stopped. */
  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #make(folder) {
    this.#folder = folder ?? mkdtempSync(join(tmpdir(), "keyveil-postgres-"));
    this.#port = await freePort();
    const password = join(this.#folder, "password");
    writeFileSync(password, this.#password, { mode: 0o600 });
    if (isRoot) execFileSync("chown", ["-R", `${ACCOUNT}:`, this.#folder]);
    const access = ["--auth=scram-sha-256", `--username=${USER}`, `--pwfile=${password}`];
    // Only the making of it goes without a sync: nothing of that is worth keeping after a power cut.
    const flags = ["--pgdata", this.#data, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
    await run(...this.#asUser("initdb", [...flags, ...access]), { cwd: "/" });
  }

  get #data() {
    return join(this.#folder, "data");
  }

  async #serve() {
    const settings = [
      "listen_addresses=127.0.0.1",
      `port=${this.#port}`,
      "unix_socket_directories=",
      "max_connections=200",
      "fsync=on",
      "synchronous_commit=on",
      ...this.#settings,
    ];
    const args = ["-D", this.#data, ...settings.flatMap((setting) => ["-c", setting])];
    const onLine = (line) => {
      this.#log.push(line);
      if (this.#log.length > LOG_LINES_KEPT) this.#log.shift();
    };
    const child = start(...this.#asUser("postgres", args), { cwd: "/", onLine });
    const ready = () => {
      if (!isAlive(child.pid)) throw new Error(`PostgreSQL ended:\n${this.log}`);
      return this.query("postgres", "SELECT 1").then(
        () => true,
        () => false,
      );
    };
    await until("PostgreSQL to be ready", ready, { everyMs: 100, seen: () => this.log });
    return child;
  }

  #program(name) {
    return join(this.#programs, name);
  }

  /** A change of user forgets who is to tell it that we died, so that is said again. */
  #asUser(name, args) {
    if (!isRoot) return [this.#program(name), args];
    const user = ["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "--pdeathsig", "INT"];
    return ["/usr/bin/setpriv", [...user, "--", this.#program(name), ...args]];
  }
}
