// A cluster: replicas of the key server over one database and one bucket, workers, and nginx before them as docs/NGINX.md has it.
// It is used as an installation of scripts/lib/installation.mjs is.
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { start } from "../../../scripts/lib/children.mjs";
import { Installation } from "../../../scripts/lib/installation.mjs";
import { keyServerBinary, packagerBinary } from "../../../scripts/lib/places.mjs";
import { Nginx } from "../../cdn/lib/nginx.mjs";
import { freePort } from "../../faults/lib/ports.mjs";
import { isAlive, withChildren } from "../../faults/lib/processes.mjs";
import { until } from "../../faults/lib/wait.mjs";
import { Log } from "./log.mjs";
import { Member } from "./member.mjs";

/** What every replica has to open the secrets in the database with. With a KMS of its own there would be nothing to share. */
const KEYRING = ["keyring.json", "root.key"];

export class Cluster extends Installation {
  replicas = [];
  workers = [];
  #workerToken;

  /**
   * `data`: a folder of its own; `place`: of engines.mjs; `env`: more variables of the servers; `variant(number)`: how a replica is
   * started otherwise: { wrap(command, args) → [command, args], host it listens at, env }. When it can't start, it throws with what was logged, and nothing of it runs.
   */
  static async start({ data, place, logFile, port, replicas = 2, workers = 2, env = {}, variant }) {
    const cluster = new Cluster(data, port ?? (await freePort()));
    cluster.place = place;
    cluster.log = new Log(logFile);
    Object.assign(cluster.env, place.env, {
      KEYVEIL_PUBLIC_URL: cluster.url,
      KEYVEIL_HTTP_TRUSTED_PROXIES: "127.0.0.1",
      KEYVEIL_WORKERS_LOCAL: "false",
      ...env,
    });
    try {
      await cluster.init();
      await cluster.writeSdk();
      for (let number = 0; number < replicas; number += 1) await cluster.#addReplica(number, variant);
      await cluster.#addNginx();
      for (let number = 0; number < workers; number += 1) await cluster.#addWorker(number);
    } catch (error) {
      await cluster.stop();
      error.message += `\n${cluster.log.text}`;
      throw error;
    }
    return cluster;
  }

  async hasMedia(fileId) {
    return (await this.place.media(fileId)).size > 0;
  }

  /** Ends everything by its pid; answers what ended otherwise than it should: [{ name, end }]. */
  async stop() {
    const bad = [];
    const ending = async (member) => {
      const end = await member.stop();
      if (![null, 0, "SIGTERM", 143].includes(end)) bad.push({ name: member.name, end });
    };
    await Promise.all(this.workers.map(ending));
    if (this.nginx) await ending(this.nginx);
    await Promise.all(this.replicas.map(ending));
    this.log.close();
    return bad;
  }

  async #addReplica(number, variant = () => ({})) {
    const { wrap = (...usual) => usual, host = "127.0.0.1", env: own = {} } = variant(number);
    const name = `replica ${number + 1}`;
    const address = `${host}:${await freePort()}`;
    const env = { ...this.env, KEYVEIL_DATA: this.#folderOf(number), KEYVEIL_LISTEN: address, ...own };
    const begin = async () => {
      const child = start(...wrap(keyServerBinary, ["serve"]), { env, onLine: this.log.of(name) });
      await this.#answers(name, child, `http://${address}/readyz`);
      return child;
    };
    const replica = Object.assign(new Member(name, begin), { url: `http://${address}`, address });
    await replica.start();
    this.replicas.push(replica);
  }

  /** Each has its own, as on a machine of its own, with a copy of the keyring and nothing else. */
  #folderOf(number) {
    const folder = join(this.data, `replica-${number + 1}`);
    if (existsSync(folder)) return folder;
    mkdirSync(folder, { mode: 0o700 });
    for (const name of KEYRING) cpSync(join(this.data, name), join(folder, name));
    return folder;
  }

  async #addNginx() {
    const folder = join(this.data, "nginx");
    mkdirSync(folder, { recursive: true });
    const upstreams = this.replicas.map(({ address }) => address);
    const begin = async () => (await Nginx.start(folder, this.port, upstreams, this.log.of("nginx"))).child;
    this.nginx = new Member("nginx", begin, { processes: withChildren });
    await this.nginx.start();
  }

  async #addWorker(number) {
    const name = `worker ${number + 1}`;
    this.#workerToken ??= JSON.parse(await this.keyServer(["worker", "create", "--name", "cluster", "--json"])).token;
    const state = join(this.data, "workers");
    const env = { KEYVEIL_SERVER: this.url, KEYVEIL_WORKER_TOKEN: this.#workerToken, KEYVEIL_WORKER_STATE: state };
    const args = ["worker", "--name", name.replace(" ", "-"), "--cpus", "1"];
    const begin = async () => start(packagerBinary, args, { env, onLine: this.log.of(name) });
    const worker = new Member(name, begin);
    await worker.start();
    this.workers.push(worker);
  }

  async #answers(name, child, url) {
    const ready = async () => {
      if (!isAlive(child.pid)) throw new Error(`${name} ended:\n${this.log.text}`);
      return (await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => null))?.ok;
    };
    await until(`${name} to be ready`, ready, { everyMs: 50, seen: () => this.log.text });
  }
}
