// The decryptor as players have it, run by Node, with a look at its memory after each call and within.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import init, { KeyveilSession } from "../../../player-wasm/ts/generated/keyveil.js";
import { binary, ROOT, remove, scratch } from "../../e2e/lib/installation.mjs";
import * as own from "../../vectors/independent.mjs";
import * as server from "./forged-server.mjs";
import { exchangeSecrets, searchFor } from "./secrets.mjs";

const randomValues = crypto.getRandomValues.bind(crypto);

/** Its SDK build is the forged server's. */
export async function startDecryptor(secrets) {
  const { memory } = await init({ module_or_path: linked() });
  return new Decryptor(memory, secrets);
}

function linked() {
  const folder = scratch();
  try {
    const out = join(folder, "keyveil.wasm");
    const flags = ["--sdk", join(ROOT, "player-wasm/dist"), "--out", out];
    execFileSync(binary("link"), flags, { input: JSON.stringify(server.SDK_BUILD) });
    return readFileSync(out);
  } finally {
    remove(folder);
  }
}

export class Decryptor {
  /** [{ when, what }] of all that was found. */
  hits = [];
  #secrets;
  #search;
  #during = "start";
  #random = [];

  /** `secrets` are searched from the start; exchanges add theirs. */
  constructor(memory, secrets) {
    this.memory = memory;
    this.#know(secrets);
    // The one way out of a call: who replaces this function gets a view of the memory.
    crypto.getRandomValues = (view) => {
      this.look(`during ${this.#during}`);
      this.#random.push(Buffer.from(randomValues(view)));
      return view;
    };
    this.session = new KeyveilSession();
  }

  /** Another session in the same memory, which takes this one's place. */
  another() {
    return new Decryptor(this.memory, this.#secrets);
  }

  /** Runs one call of the module's and looks. */
  call(name, ...parameters) {
    this.#during = name;
    const outcome = this.session[name](...parameters);
    this.look(`after ${name}`);
    return outcome;
  }

  /** A request's body, and `answer` made for it, taken in. */
  exchange(request, accept, answer) {
    this.#random = [];
    const asked = this.call(...request);
    const body = Array.isArray(asked) ? asked[0] : asked;
    const answered = answer(body);
    this.#know([...this.#secrets, ...exchangeSecrets(this.#seedOf(body), JSON.parse(answered).grant.enc)]);
    this.look(`before ${accept}`);
    this.call(accept, answered);
  }

  /** Decrypts a segment, piece by piece, and gives the clear bytes, which are wiped from the memory before it returns. */
  decrypt(segment, period, clear, cipher) {
    const stream = this.call("openSegment", server.reference(segment, period, cipher));
    const ciphertext = server.encrypted(segment, period, clear, cipher);
    const { pieceLen } = stream;
    const pieces = [];
    let at = 0;
    do {
      const isLast = ciphertext.length - at <= pieceLen;
      pieces.push(this.piece(stream, ciphertext.subarray(at, at + pieceLen), isLast));
      at += pieceLen;
    } while (at < ciphertext.length);
    stream.free();
    return Buffer.concat(pieces);
  }

  /** One piece of a segment that was opened. */
  piece(stream, ciphertext, isLast) {
    const at = this.call("room");
    new Uint8Array(this.memory.buffer).set(ciphertext, at);
    const length = this.call("decryptPiece", stream, ciphertext.length, isLast);
    const clear = Buffer.from(this.memory.buffer.slice(at, at + length));
    this.call("wipe");
    return clear;
  }

  /** From now on nothing looks by itself, which takes most of the time that calls take here. */
  unwatched() {
    crypto.getRandomValues = randomValues;
  }

  close() {
    this.session.free();
    this.look("after the session");
  }

  look(when = this.#during) {
    for (const what of this.#search(this.memory)) this.hits.push({ when, what });
  }

  #know(secrets) {
    this.#secrets = secrets;
    this.#search = searchFor(secrets);
  }

  /** The seed comes from the browser's random numbers in two halves, one after the other. */
  #seedOf(body) {
    const { publicKey } = JSON.parse(body);
    for (const [at, half] of this.#random.entries()) {
      const other = this.#random[at + 1];
      if (other?.length !== 32 || half.length !== 32) continue;
      const seed = Buffer.from(half.map((each, index) => each ^ other[index]));
      if (own.x25519(seed).publicBytes.toString("base64url") === publicKey) return seed;
    }
    throw new Error("this request's key comes from other random numbers than the test has seen");
  }
}
