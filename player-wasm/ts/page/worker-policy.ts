/** Looks whether the page's Content-Security-Policy stops a worker: the browser tells that to the document, and the worker only that it failed. */

/** `worker-src` falls back on the others; browsers name the one or the other. */
const DIRECTIVES = /^(worker|child|script|default)-src(-elem)?$/;
/** A worker may fail before the document hears why, and the word comes another way: on a busy machine much later. */
const WORD_DELAY_MS = 1000;

export class WorkerPolicy {
  readonly #document = globalThis.document as Document | undefined;
  #isViolated = false;
  #heard: () => void = () => undefined;

  constructor() {
    this.#document?.addEventListener("securitypolicyviolation", this.#note);
  }

  /** Call for a worker that fails before it has said anything. */
  async stopsWorker(): Promise<boolean> {
    if (this.#document && !this.#isViolated)
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        setTimeout(resolve, WORD_DELAY_MS);
      });
    this.stop();
    return this.#isViolated;
  }

  /** The worker runs: what the policy stops from now on is something else. */
  stop(): void {
    this.#document?.removeEventListener("securitypolicyviolation", this.#note);
  }

  readonly #note = ({ effectiveDirective, disposition }: SecurityPolicyViolationEvent): void => {
    if (disposition !== "enforce" || !DIRECTIVES.test(effectiveDirective)) return;
    this.#isViolated = true;
    this.#heard();
  };
}
