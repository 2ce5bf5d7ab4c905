/** One exchange for keys on its way. */
import { KeyveilError } from "../errors.js";

export class KeysFlight<T> {
  readonly period: number;
  readonly done: Promise<T>;
  /** Somebody's playback needs them; else they are fetched ahead. */
  isAwaited: boolean;
  readonly #stop = new AbortController();

  /** `exchange` is to end at once when its signal says so. */
  constructor(period: number, isAwaited: boolean, exchange: (signal: AbortSignal) => Promise<T>) {
    this.period = period;
    this.isAwaited = isAwaited;
    this.done = exchange(this.#stop.signal);
  }

  /** A grant holds the period that was asked for and the next. */
  covers(period: number): boolean {
    return period === this.period || period === this.period + 1;
  }

  /** Makes room for keys that somebody waits for. What is fetched ahead can be asked for again. */
  standBack(): void {
    if (!this.isAwaited) this.#stop.abort();
  }
}

/** What `asked` comes to, unless nobody wants it any more: then it goes on alone, and its connection is good for what follows. */
export function unlessStopped<T>(asked: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return asked;
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new KeyveilError("aborted")), { once: true });
    asked.then(resolve, reject);
  });
}
