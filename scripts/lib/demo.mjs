// The demonstration application and the person who may sign in: made once, their credentials kept in the data folder for this
// user alone.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "./fingerprint.mjs";
import { Stop } from "./steps.mjs";

const CALL_MS_MAX = 15_000;
const USER_NAME = "demo";

export class Demo {
  workflowId = "demo";
  #file;
  #url;
  #kept;

  /** `kept`: `{ appId, apiKey, user: { name, password }, titles: { <what was uploaded>: <file id> } }`. */
  constructor(file, url, kept) {
    this.#file = file;
    this.#url = url;
    this.#kept = kept;
  }

  /** Opens the application of this installation, or makes it. */
  static async open(installation) {
    const file = join(installation.data, "demo.json");
    const text = await readFile(file, "utf8").catch(() => null);
    const before = text === null ? null : parsed(file, text);
    const kept = before ?? (await made(installation));
    // Before people could sign in there was none to keep.
    kept.user ??= await madeUser(installation);
    const demo = new Demo(file, installation.url, kept);
    await demo.#keep();
    return { demo, made: before === null };
  }

  get apiKey() {
    return this.#kept.apiKey;
  }

  get appId() {
    return this.#kept.appId;
  }

  get user() {
    return this.#kept.user;
  }

  titleOf(source) {
    return this.#kept.titles[source] ?? null;
  }

  async remember(source, fileId) {
    this.#kept.titles[source] = fileId;
    await this.#keep();
  }

  /** The workflow that uploads name: `adaptive` but for what `changes` says. */
  async makeWorkflow(changes) {
    const { workflows } = await this.#call("GET", "/v1/workflows?limit=200");
    const adaptive = workflows.find((workflow) => workflow.workflowId === "adaptive");
    const settings = { ...adaptive.settings, ...changes };
    const workflow = { workflowId: this.workflowId, name: "Demonstration", settings };
    const there = workflows.some((workflow) => workflow.workflowId === this.workflowId);
    if (there) await this.#call("PUT", `/v1/workflows/${this.workflowId}`, workflow);
    else await this.#call("POST", "/v1/workflows", workflow);
  }

  async isPublished(fileId) {
    const { state } = await this.#call("GET", `/v1/titles/${fileId}`, undefined, { missing: {} });
    return state === "published";
  }

  /** A signature for a viewer of the title. */
  async sign(fileId) {
    return (await this.#call("POST", "/v1/player-signatures", { fileId })).psign;
  }

  async #call(method, path, body, { missing = null } = {}) {
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.apiKey}`, ...(body && { "Content-Type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_MS_MAX),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return said;
    const { code = `HTTP ${answer.status}`, detail = "" } = said.error ?? {};
    if (code === "title_not_found" && missing !== null) return missing;
    throw new Stop(
      `The key server refused the demonstration application (${method} ${path.split("?")[0]}): ${code} ${detail}. If its database was replaced, remove ${this.#file}`,
    );
  }

  async #keep() {
    await writeWhole(this.#file, `${JSON.stringify(this.#kept, null, 2)}\n`, 0o600);
  }
}

async function made(installation) {
  const { appId, apiKey } = JSON.parse(await installation.keyServer(["app", "create", "--name", "demo", "--json"]));
  return { appId, apiKey, titles: {} };
}

async function madeUser(installation) {
  const user = { name: USER_NAME, password: randomBytes(12).toString("base64url") };
  await installation.keyServer(["user", "create", "--name", user.name, "--password-stdin"], user.password);
  return user;
}

function parsed(file, text) {
  try {
    const kept = JSON.parse(text);
    if (typeof kept.apiKey === "string" && typeof kept.titles === "object" && kept.titles !== null) return kept;
  } catch {
    // Said below.
  }
  throw new Stop(`${file} can't be read. Remove it, and a new demonstration application is made.`);
}
