// AWS KMS and S3 as moto's server plays them, in a process that can be stopped, continued and killed.
import { start } from "../../../scripts/lib/children.mjs";
import { isAlive, killNow } from "../../faults/lib/processes.mjs";
import { until } from "../../faults/lib/wait.mjs";

const REGION = "us-east-1";
const CREDENTIALS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "a-secret-of-the-store" };

/** moto reads region and service out of it, and checks nothing. */
const ofService = (name) => `AWS4-HMAC-SHA256 Credential=a/20260101/${REGION}/${name}/aws4_request, Signature=a`;

export class Moto {
  #process;

  /** By KEYVEIL_MOTO_SERVER, which scripts/test.mjs sets. */
  static async start() {
    const moto = new Moto();
    const said = [];
    const program = process.env.KEYVEIL_MOTO_SERVER || "moto_server";
    // By itself it would let every page read everything.
    const env = { MOTO_DISABLE_GLOBAL_CORS: "true" };
    moto.#process = start(program, ["-H", "127.0.0.1", "-p", "0"], { env, onLine: (line) => said.push(line) });
    const listens = () => {
      moto.url = /Running on (http:\S+)/.exec(said.join("\n"))?.[1];
      if (!moto.url && !isAlive(moto.#process.pid)) throw new Error(`moto_server ended: ${said.join("\n")}`);
      return moto.url;
    };
    await until("moto_server to listen", listens, { seen: () => said.join("\n") });
    const { KeyMetadata } = await moto.#ask("CreateKey", { Description: "keyveil" });
    moto.keyId = KeyMetadata.KeyId;
    return moto;
  }

  /** One that another process has started: only to ask. */
  static at(url) {
    const moto = new Moto();
    moto.url = url;
    return moto;
  }

  /** What a key server needs to know of it. */
  get settings() {
    return {
      KEYVEIL_KMS_ENGINE: "aws",
      KEYVEIL_KMS_AWS_KEY_ID: this.keyId,
      KEYVEIL_KMS_AWS_REGION: REGION,
      KEYVEIL_KMS_AWS_ENDPOINT: this.url,
      ...CREDENTIALS,
    };
  }

  /** Makes a bucket; answers what a key server needs to know to keep its media there. */
  async makeBucket(name, reads) {
    const answer = await fetch(`${this.url}/${name}`, { method: "PUT", headers: { authorization: ofService("s3") } });
    if (!answer.ok) throw new Error(`a bucket: ${answer.status} ${await answer.text()}`);
    return {
      KEYVEIL_STORAGE_URL: `s3://${name}/prod`,
      KEYVEIL_STORAGE_REGION: REGION,
      KEYVEIL_STORAGE_ENDPOINT: this.url,
      KEYVEIL_STORAGE_READS: reads,
      ...CREDENTIALS,
    };
  }

  /** Lets pages of any origin read what they have an address of, as docs/OPERATION.md says. */
  async allowPages(bucket) {
    const rule =
      "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>";
    const answer = await fetch(`${this.url}/${bucket}?cors`, {
      method: "PUT",
      headers: { authorization: ofService("s3") },
      body: `<CORSConfiguration><CORSRule>${rule}</CORSRule></CORSConfiguration>`,
    });
    if (!answer.ok) throw new Error(`CORS of a bucket: ${answer.status} ${await answer.text()}`);
  }

  /** The keys of a bucket's objects, at most a thousand, that begin with `prefix`. */
  async objects(bucket, prefix = "") {
    const query = new URLSearchParams({ "list-type": "2", prefix });
    const answer = await fetch(`${this.url}/${bucket}?${query}`, { headers: { authorization: ofService("s3") } });
    return [...(await answer.text()).matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key).sort();
  }

  /** The bytes of an object. */
  async object(bucket, key) {
    const answer = await fetch(`${this.url}/${bucket}/${key}`, { headers: { authorization: ofService("s3") } });
    if (!answer.ok) throw new Error(`${key}: ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  }

  async removeObject(bucket, key) {
    await fetch(`${this.url}/${bucket}/${key}`, { method: "DELETE", headers: { authorization: ofService("s3") } });
  }

  /** From here on it takes connections and answers none. */
  hang() {
    process.kill(this.#process.pid, "SIGSTOP");
  }

  goOn() {
    process.kill(this.#process.pid, "SIGCONT");
  }

  async kill() {
    if (isAlive(this.#process.pid)) await killNow(this.#process.pid);
  }

  async #ask(operation, body) {
    const answer = await fetch(this.url, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `TrentService.${operation}`,
        authorization: ofService("kms"),
      },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${operation}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}
