/**
 * How long the network took for a body. hls.js chooses a quality by it, so what this side did in between must not count; but where the
 * network was at work meanwhile, that time was the network's all the same.
 */

/** What came within it had come before: nobody had to wait for the network. Browsers' clocks are not finer. */
const AT_ONCE_MS = 0.2;

export class NetworkClock {
  readonly #now: () => number;
  readonly #startMs: number;
  #changedMs: number;
  #lastMs: number;
  /** Since the last bytes came. */
  #busyMs = 0;
  #oursMs = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startMs = this.#changedMs = this.#lastMs = now();
  }

  /** From now on there is nothing to do but to wait for the network. */
  waits(): void {
    this.#busyMs += this.#lap();
  }

  /** Something else than bytes ended the wait. */
  interrupted(): void {
    this.#lap();
  }

  /** Bytes came, or the body's end. */
  came(): void {
    if (this.#lap() < AT_ONCE_MS) this.#oursMs += this.#busyMs;
    this.#busyMs = 0;
    this.#lastMs = this.#changedMs;
  }

  /** From the start to what came last. */
  get elapsedMs(): number {
    return Math.max(0, this.#lastMs - this.#startMs - this.#oursMs);
  }

  #lap(): number {
    const before = this.#changedMs;
    this.#changedMs = this.#now();
    return this.#changedMs - before;
  }
}
