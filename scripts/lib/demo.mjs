// The demonstration application: made once, its credentials kept in the data folder for this user alone.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "./fingerprint.mjs";
import { Stop } from "./steps.mjs";

const CALL_MS_MAX = 15_000;

export class Demo {
  #file;
  #url;
  #kept;

  /** `kept`: `{ appId, apiKey, titles: { <what was packaged>: <file id> } }`. */
  constructor(file, url, kept) {
    this.#file = file;
    this.#url = url;
    this.#kept = kept;
  }

  /** Opens the application of this installation, or makes it. */
  static async open(installation) {
    const file = join(installation.data, "demo.json");
    const text = await readFile(file, "utf8").catch(() => null);
    if (text !== null) return { demo: new Demo(file, installation.url, parsed(file, text)), made: false };
    const created = JSON.parse(await installation.keyServer(["app", "create", "--name", "demo", "--json"]));
    const demo = new Demo(file, installation.url, { appId: created.appId, apiKey: created.apiKey, titles: {} });
    await demo.#keep();
    return { demo, made: true };
  }

  get apiKey() {
    return this.#kept.apiKey;
  }

  get appId() {
    return this.#kept.appId;
  }

  titleOf(source) {
    return this.#kept.titles[source] ?? null;
  }

  async remember(source, fileId) {
    this.#kept.titles[source] = fileId;
    await this.#keep();
  }

  /** A signature for a viewer of the title, or null when the server has no such title. */
  async sign(fileId) {
    const answer = await fetch(`${this.#url}/v1/player-signatures`, {
      method: "POST",
      headers: { Authorization: `Bearer ${this.apiKey}`, "Content-Type": "application/json" },
      body: JSON.stringify({ fileId }),
      signal: AbortSignal.timeout(CALL_MS_MAX),
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) return body.psign;
    const code = body.error?.code ?? `HTTP ${answer.status}`;
    if (code === "title_not_found") return null;
    throw new Stop(
      `The key server refused the demonstration application: ${code}. If its database was replaced, remove ${this.#file}`,
    );
  }

  async #keep() {
    await writeWhole(this.#file, `${JSON.stringify(this.#kept, null, 2)}\n`, 0o600);
  }
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
