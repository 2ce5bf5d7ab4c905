// HTTP with a connection of its own for each request: a server that is killed and started anew leaves no stale one behind.
import { request as begin } from "node:http";

/** Starts a request; its body is for the caller to write. `answer` resolves to { status, headers, bytes, json() }. */
export function open(method, url, headers = {}) {
  const request = begin(url, { method, headers, agent: false });
  const answer = new Promise((resolve, reject) => {
    // A broken connection may be told more than once.
    request.on("error", reject);
    request.once("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const bytes = Buffer.concat(chunks);
        const json = () => JSON.parse(bytes.toString());
        resolve({ status: response.statusCode, headers: response.headers, bytes, json });
      });
    });
  });
  // Whoever breaks a request off on purpose may not wait for its answer.
  answer.catch(() => null);
  return { request, answer };
}

export async function send(method, url, headers = {}, body = undefined) {
  const opened = open(method, url, headers);
  opened.request.end(body);
  return opened.answer;
}

/** The JSON API with an API key, a worker key or a job token. */
export class Api {
  constructor(url, bearer) {
    this.url = url;
    this.authorization = { authorization: `Bearer ${bearer}` };
  }

  /** Any status. */
  async ask(method, path, body, headers = {}) {
    const json = body === undefined ? undefined : JSON.stringify(body);
    const type = json === undefined ? {} : { "content-type": "application/json" };
    const length = json === undefined ? {} : { "content-length": Buffer.byteLength(json) };
    return send(method, `${this.url}${path}`, { ...this.authorization, ...type, ...length, ...headers }, json);
  }

  /** Good ones only. */
  async call(method, path, body) {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.bytes}`);
    return answer.bytes.length === 0 ? null : answer.json();
  }

  get(path) {
    return this.call("GET", path);
  }

  post(path, body = {}) {
    return this.call("POST", path, body);
  }

  /** Every page of a list. */
  async all(path, items) {
    const found = [];
    for (let next = ""; next !== null; ) {
      const page = await this.get(`${path}${path.includes("?") ? "&" : "?"}limit=200${next && `&after=${next}`}`);
      found.push(...page[items]);
      next = page.next;
    }
    return found;
  }
}
