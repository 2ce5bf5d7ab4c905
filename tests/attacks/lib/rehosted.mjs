// The installation's own WebAssembly outside of any browser: no page, no video, no player, but a program that asks for keys as fast as
// it likes.
import init, { KeyveilSession } from "../../../player-wasm/ts/generated/keyveil.js";

const GIVE_UP_MS = 120_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let memory = null;

/** Fetches the module that the installation's pages load, as anybody can, and starts it here. Once for a process. */
export async function startModule(origin) {
  if (memory !== null) return;
  const pinned = await fetch(`${origin}/sdk/sdk.json`);
  const { wasm } = pinned.ok ? await pinned.json() : { wasm: "keyveil.wasm" };
  const bytes = await (await fetch(`${origin}/sdk/${wasm}`)).arrayBuffer();
  ({ memory } = await init({ module_or_path: bytes }));
}

/** One session of the program. `periods` are those whose keys it was granted, `refusals` the codes that it was told instead. */
export class Rehosted {
  periods = new Set();
  refusals = [];
  #session = new KeyveilSession();
  #origin;

  constructor(origin) {
    this.#origin = origin;
  }

  /** Resolves to the server's answer, or null where it refuses. */
  async play(psign, fileId, periodMs, positionMs = 0) {
    const body = this.#session.playRequest(psign, fileId, positionMs, "sealed", undefined);
    const answer = await this.#post("/v1/play", body);
    if (answer === null) return null;
    this.#session.acceptPlay(answer);
    this.#granted(Math.floor(positionMs / periodMs));
    return JSON.parse(answer);
  }

  /** Whether the keys of that period were given. */
  async ask(period, positionMs) {
    const [body, mac] = this.#session.keysRequest(period, positionMs, undefined);
    const answer = await this.#post("/v1/keys", body, { "Keyveil-Mac": mac });
    if (answer === null) return false;
    this.#session.acceptKeys(answer);
    this.#granted(period);
    return true;
  }

  /** The clear bytes, or the code by which the module refuses. */
  decrypt(reference, ciphertext) {
    try {
      const stream = this.#session.openSegment(`keyveil=${reference}`);
      const { pieceLen } = stream;
      const pieces = [];
      for (let at = 0; at < ciphertext.length; at += pieceLen) {
        const piece = ciphertext.subarray(at, at + pieceLen);
        const room = this.#session.room();
        new Uint8Array(memory.buffer, room, piece.length).set(piece);
        const length = this.#session.decryptPiece(stream, piece.length, at + pieceLen >= ciphertext.length);
        pieces.push(Buffer.from(memory.buffer.slice(room, room + length)));
      }
      return Buffer.concat(pieces);
    } catch (code) {
      return String(code);
    }
  }

  /** A grant brings the period that was asked for and the next. */
  #granted(period) {
    for (const one of [period, period + 1]) if (this.#session.holdsPeriod(one)) this.periods.add(one);
  }

  async #post(path, body, headers = {}) {
    const response = await fetch(`${this.#origin}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body,
    });
    const text = await response.text();
    if (response.ok) return text;
    this.refusals.push(JSON.parse(text).error.code);
    return null;
  }
}

/**
 * Takes `periods` in that order, by turns through `sessions`, no slower than `speed` times play speed, and insists on each that is refused, until it has
 * all or `wallMs` are over. Resolves to what it has, all sessions together, and how long it was from `beganMs` to the last that it got.
 */
export async function rip(sessions, periods, { periodMs, speed, wallMs, beganMs }) {
  const held = () => new Set(sessions.flatMap((one) => [...one.periods]));
  const left = () => {
    const has = held();
    return periods.filter((period) => !has.has(period));
  };
  const until = Math.min(performance.now() + wallMs, beganMs + GIVE_UP_MS);
  let turn = 0;
  let lastMs = performance.now();
  let [next] = left();
  while (next !== undefined && performance.now() < until) {
    if (await sessions[turn++ % sessions.length].ask(next, next * periodMs)) lastMs = performance.now();
    await sleep(periodMs / speed);
    [next] = left();
  }
  return { periods: held(), elapsedMs: lastMs - beganMs };
}
