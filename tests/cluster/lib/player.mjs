// A player without a browser: the decryptor that browsers have, run by Node, with a player's patience. What it decrypts must be media.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { clearForm } from "../../faults/lib/clear-media.mjs";
import { sleep } from "../../faults/lib/wait.mjs";
import { ask, EXCHANGE_MS_MAX, LOAD_MS_MAX, patiently } from "./patience.mjs";

const GLUE = new URL("../../../player-wasm/ts/generated/keyveil.js", import.meta.url).href;
const CLASSES = ["AUDIO", "SD", "HD", "UHD"];
/** A new session with a fresh signature may cure these. */
const CURABLE = ["session_expired", "session_invalid", "counter_replayed", "url_expired"];
const KEY_TAG = /^#EXT-X-KEY:METHOD=KEYVEIL,URI="keyveil:([^/]+)\/(\d+)",.*?TRACK-CLASS="([A-Z]+)",RENDITION=(\d+)/;

/** The module of the installation whose SDK build lies in `folder`, in a memory of its own: { KeyveilSession, memory }. */
export async function loadDecryptor(folder) {
  const { buildId, wasm } = JSON.parse(readFileSync(join(folder, "sdk.json"), "utf8"));
  // The glue keeps one module for good, so each build gets a glue of its own.
  const { default: init, KeyveilSession } = await import(`${GLUE}?${buildId}`);
  const { memory } = await init({ module_or_path: readFileSync(join(folder, wasm)) });
  return { KeyveilSession, memory };
}

export class Player {
  /** Keys that came: [{ session, counter }], 0 being those that opened it. Each must be in the audit log. */
  grants = [];
  segments = 0;
  stallMsMax = 0;
  troubles = 0;
  #decryptor;
  #sign;
  #session;
  #sessionId;
  #playlistUrl;

  /** Asks `origin` for all of it, media too; `sign()` resolves to a fresh signature. */
  constructor(decryptor, origin, sign) {
    this.#decryptor = decryptor;
    this.origin = origin;
    this.#sign = sign;
  }

  /** Plays every segment of every rendition once, `paceMs` apart; ends early once `isOver()`. Throws what ends a player's patience. */
  async play({ paceMs = 0, isOver = () => false } = {}) {
    await this.#open();
    const master = (await this.#load(new URL(this.#playlistUrl))).toString();
    const named = [...master.matchAll(/^[^#\n].*|^#EXT-X-MEDIA:.*URI="([^"]+)"/gm)].map(([line, uri]) => uri ?? line);
    if (named.length === 0) throw new Error("a master playlist names nothing");
    for (const uri of named) {
      const url = new URL(uri, this.#playlistUrl);
      for (const segment of segmentsIn((await this.#load(url)).toString(), url)) {
        if (isOver()) return;
        await this.#segment(segment);
        await sleep(paceMs);
      }
    }
  }

  close() {
    this.#session?.free();
    this.#session = null;
  }

  async #segment({ url, period, reference }) {
    await this.#cured(async () => {
      if (!this.#session.holdsPeriod(period)) await this.#bring(period);
    });
    const clear = this.#decrypt(reference, await this.#load(url));
    if (clearForm(clear) === null && !clear.subarray(0, 6).equals(Buffer.from("WEBVTT"))) {
      throw new Error(`${reference} does not decrypt to media`);
    }
    this.segments += 1;
  }

  async #open() {
    this.close();
    this.#session = new this.#decryptor.KeyveilSession();
    const answer = await this.#patiently(async () => {
      const body = this.#session.playRequest(await this.#sign(), undefined, 0, "sealed", undefined);
      return this.#post("/v1/play", body);
    });
    this.#session.acceptPlay(answer);
    const { session, playlistUrl } = JSON.parse(answer);
    this.#sessionId = session.id;
    const { pathname, search } = new URL(playlistUrl);
    this.#playlistUrl = this.origin + pathname + search;
    this.grants.push({ session: session.id, counter: 0 });
  }

  async #bring(period) {
    let counter = 0;
    const answer = await this.#patiently(() => {
      const [body, mac] = this.#session.keysRequest(period, 0, undefined);
      ({ counter } = JSON.parse(body));
      return this.#post("/v1/keys", body, { "Keyveil-Mac": mac });
    });
    this.#session.acceptKeys(answer);
    this.grants.push({ session: this.#sessionId, counter });
  }

  /** Once more with a new session, where that may help. */
  async #cured(exchange) {
    try {
      await exchange();
    } catch (thrown) {
      if (!CURABLE.includes(thrown.code)) throw thrown;
      await this.#open();
      await exchange();
    }
  }

  async #post(path, body, headers = {}) {
    const options = { method: "POST", body, headers: { "Content-Type": "application/json", ...headers } };
    return (await ask(path, this.origin + path, options, EXCHANGE_MS_MAX)).toString();
  }

  async #load(url) {
    return this.#patiently(() => ask(url.pathname, url, {}, LOAD_MS_MAX));
  }

  async #patiently(load) {
    const began = performance.now();
    let inTrouble = false;
    const answer = await patiently(load, () => {
      inTrouble = true;
      this.troubles += 1;
    });
    if (inTrouble) this.stallMsMax = Math.max(this.stallMsMax, performance.now() - began);
    return answer;
  }

  /** Without a pause: all sessions of the module share one room. */
  #decrypt(reference, ciphertext) {
    const segment = this.#session.openSegment(`keyveil=${reference}`);
    const { pieceLen } = segment;
    const pieces = [];
    let at = 0;
    do {
      const piece = ciphertext.subarray(at, at + pieceLen);
      at += pieceLen;
      const room = this.#session.room();
      new Uint8Array(this.#decryptor.memory.buffer).set(piece, room);
      const length = this.#session.decryptPiece(segment, piece.length, at >= ciphertext.length);
      pieces.push(Buffer.from(this.#decryptor.memory.buffer.slice(room, room + length)));
      this.#session.wipe();
    } while (at < ciphertext.length);
    segment.free();
    return Buffer.concat(pieces);
  }
}

/** What a media playlist lists: [{ url, period, reference }]. */
function segmentsIn(text, base) {
  const segments = [];
  let key = null;
  for (const line of text.split("\n")) {
    key = KEY_TAG.exec(line) ?? key;
    if (line === "" || line.startsWith("#")) continue;
    if (key === null) throw new Error(`${line} has no key tag before it`);
    const [, fileId, period, trackClass, rendition] = key;
    const reference = [fileId, CLASSES.indexOf(trackClass), period, rendition, segments.length].join("/");
    segments.push({ url: new URL(line, base), period: Number(period), reference });
  }
  return segments;
}
