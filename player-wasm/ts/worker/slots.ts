/** Bounds how much is under way at once: a few running, a few waiting, the rest refused. */
import { KeyveilError } from "../errors.js";

export class Slots {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  #running = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(runningMax: number, waitingMax: number) {
    this.#runningMax = runningMax;
    this.#waitingMax = waitingMax;
  }

  /** Resolves with the function that gives the slot back. */
  async take(signal: AbortSignal): Promise<() => void> {
    if (this.#running >= this.#runningMax) await this.#turn(signal);
    else this.#running += 1;
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      const next = this.#waiting.shift();
      // The slot goes straight to the next in line, so the count stays.
      if (next) next();
      else this.#running -= 1;
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#waitingMax) {
      throw new KeyveilError("unavailable", "Too many segments are asked for at once.");
    }
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(new KeyveilError("aborted"));
      };
      this.#waiting.push(go);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
