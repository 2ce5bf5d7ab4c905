/** What a load waits for besides its bytes: the keys of its period, and that nobody stops it. */
import { KeyveilError } from "../errors.js";
import type { Session } from "./session.js";

export class AwaitedKeys {
  readonly #session: Session;
  readonly #period: number;
  readonly #positionMs: number;
  readonly #signal: AbortSignal;
  readonly #held: (ms: number) => void;
  #coming: Promise<void> | null = null;
  /** Rejects when the keys are refused, and when the load is aborted; never resolves. */
  readonly stopped: Promise<never>;
  #stop: (reason: unknown) => void = () => undefined;

  /** `held` is told in how many milliseconds keys are asked for, where the server wants it so. */
  constructor(session: Session, period: number, positionMs: number, signal: AbortSignal, held: (ms: number) => void) {
    this.#session = session;
    this.#period = period;
    this.#positionMs = positionMs;
    this.#signal = signal;
    this.#held = held;
    this.stopped = new Promise((_resolve, reject) => {
      this.#stop = reject;
    });
    // Also where nobody waits for it just then.
    this.stopped.catch(() => undefined);
    signal.addEventListener("abort", () => this.#stop(new KeyveilError("aborted")), { once: true });
  }

  /**
   * Whether they are at hand now. They may be dropped again while bytes arrive: only those around the period asked for last are kept, and
   * another rendition's load may lie far away (subtitles are one file, in period 0).
   */
  get areHere(): boolean {
    return this.#session.holdsPeriod(this.#period);
  }

  /** Asks for them where they are not asked for already. */
  come(): Promise<void> {
    const waiter = { signal: this.#signal, held: this.#held };
    this.#coming ??= this.#session.ensurePeriod(this.#period, this.#positionMs, waiter).then(
      () => {
        this.#coming = null;
      },
      (thrown) => {
        this.#stop(thrown);
        throw thrown;
      },
    );
    this.#coming.catch(() => undefined);
    return this.#coming;
  }
}
