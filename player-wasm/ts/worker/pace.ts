/** When the server may be asked again for what it answered with `rate_limited` (docs/PACING.md). */
import { KeyveilError } from "../errors.js";

/** Where a proxy took the server's own word away. */
const RETRY_AFTER_SECS = 5;

/** How long the server wants to be left alone, in milliseconds; `null` for what is no such answer. */
export function pauseMs(thrown: unknown): number | null {
  if (!(thrown instanceof KeyveilError) || thrown.code !== "rate_limited") return null;
  return (thrown.retryAfterSecs ?? RETRY_AFTER_SECS) * 1000;
}

/** Rejects with `aborted` as soon as the signal says so. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      reject(new KeyveilError("aborted"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", leave);
      resolve();
    }, ms);
    if (signal?.aborted) leave();
    else signal?.addEventListener("abort", leave, { once: true });
  });
}

/** The periods that were refused, and until when. Others can be asked for: a seek is another matter for the server. */
export class HeldPeriods {
  readonly #until = new Map<number, number>();

  hold(period: number, ms: number): void {
    this.#until.set(period, performance.now() + ms);
  }

  /** 0 for a period that can be asked for now. */
  leftMs(period: number): number {
    return Math.max(0, (this.#until.get(period) ?? 0) - performance.now());
  }

  /** Whether any is held: what nobody waits for yet is not asked for then. */
  get areAny(): boolean {
    return [...this.#until.keys()].some((period) => this.leftMs(period) > 0);
  }

  /** Keys came: what was said before that is about another state of affairs. */
  clear(): void {
    this.#until.clear();
  }
}
