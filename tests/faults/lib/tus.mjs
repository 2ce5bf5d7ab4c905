// The tus requests one by one, so that a test can stop between any two bytes.
import { open, send } from "./http.mjs";

const VERSION = { "tus-resumable": "1.0.0" };

export class Upload {
  #api;
  #bytes;

  /** Makes the title: `metadata` as in Upload-Metadata. */
  static async create(api, bytes, metadata) {
    const pairs = Object.entries(metadata).map(([name, value]) => `${name} ${Buffer.from(value).toString("base64")}`);
    const answer = await send("POST", `${api.url}/v1/uploads`, {
      ...api.authorization,
      ...VERSION,
      "content-length": 0,
      "upload-length": bytes.length,
      "upload-metadata": pairs.join(","),
    });
    if (answer.status !== 201) throw new Error(`creating an upload: ${answer.status} ${answer.bytes}`);
    const upload = new Upload();
    upload.#api = api;
    upload.#bytes = bytes;
    upload.url = new URL(answer.headers.location, api.url).href;
    upload.fileId = answer.headers["keyveil-file-id"];
    return upload;
  }

  /** The same upload at another server, or by another key. */
  at(api) {
    const other = new Upload();
    other.#api = api;
    other.#bytes = this.#bytes;
    other.url = new URL(new URL(this.url).pathname, api.url).href;
    other.fileId = this.fileId;
    return other;
  }

  async offset() {
    const answer = await send("HEAD", this.url, { ...this.#api.authorization, ...VERSION });
    if (answer.status >= 300) throw new Error(`HEAD of an upload: ${answer.status}`);
    return Number(answer.headers["upload-offset"]);
  }

  /** Sends the bytes from `from` to `to`; any status. */
  async patch(from, to = this.#bytes.length, headers = {}) {
    const { request, answer } = this.begin(from, to, headers);
    request.end(this.#bytes.subarray(from, to));
    return answer;
  }

  /** Begins a PATCH whose body is for the caller to write: { request, answer }. */
  begin(from, to = this.#bytes.length, headers = {}) {
    return open("PATCH", this.url, {
      ...this.#api.authorization,
      ...VERSION,
      "content-type": "application/offset+octet-stream",
      "content-length": to - from,
      "upload-offset": from,
      ...headers,
    });
  }

  /** Gives it up; any status. */
  async cancel() {
    return send("DELETE", this.url, { ...this.#api.authorization, ...VERSION });
  }

  /** Goes on from where the server is, to the end. */
  async finish() {
    const from = await this.offset();
    const answer = await this.patch(from);
    if (answer.status !== 204) throw new Error(`PATCH of an upload: ${answer.status} ${answer.bytes}`);
  }
}
