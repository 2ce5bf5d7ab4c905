/** What is tried when an engine can't go on by itself, and when it is given up: one policy for all engines. */
import { asKeyveilError, curedByNewSession, KeyveilError } from "../errors.js";
import type { Engine, EngineTrouble } from "./engine.js";

const NETWORK_RETRY_DELAYS_MS = [1_000, 2_000, 4_000, 8_000];
const DAMAGED_SEGMENTS_MAX = 4;
const MEDIA_RECOVERIES_MAX = 2;
const MEDIA_RECOVERY_SPAN_MS = 30_000;

export interface RecoveryHooks {
  /** Null once playback has ended for good. */
  engine(): Engine | null;
  /** A new session with a fresh signature. */
  reopen(cause: KeyveilError): Promise<void>;
  /** The engine is about to take the video's source away and to make it anew. */
  renewing(): void;
  /** Of what is tried again. */
  tell(error: KeyveilError): void;
  /** Nothing more is tried. */
  fail(error: KeyveilError): void;
}

export class Recovery {
  readonly #hooks: RecoveryHooks;
  #networkRetries = 0;
  #damagedSegments = 0;
  #mediaRecoveries: number[] = [];
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(hooks: RecoveryHooks) {
    this.#hooks = hooks;
  }

  /** A segment is in the buffer: the network answers. */
  buffered(): void {
    this.#networkRetries = 0;
  }

  /** What the title told. The engine would ask for a damaged segment again and again. */
  reported(error: KeyveilError): void {
    const damaged = error.code === "segment_damaged" && ++this.#damagedSegments >= DAMAGED_SEGMENTS_MAX;
    if (error.fatal || damaged) this.#hooks.fail(error);
    else this.#hooks.tell(error);
  }

  trouble(trouble: EngineTrouble): void {
    const engine = this.#hooks.engine();
    if (!engine) return;
    if (trouble.kind === "network") this.#network(trouble);
    else if (trouble.kind === "media" && this.#mayRecoverMedia()) {
      this.#hooks.renewing();
      engine.recoverMedia();
    } else this.#hooks.fail(new KeyveilError("media_error", undefined, { cause: trouble.cause, fatal: true }));
  }

  stop(): void {
    clearTimeout(this.#retryTimer);
  }

  #network({ status, refusal, cause }: EngineTrouble): void {
    const error = refusal ?? new KeyveilError("network", undefined, { cause, status });
    const isRefused = status === 401 || status === 403;
    // The origin refuses an old address: a new session brings a new one.
    const isOld = curedByNewSession(error) || (isRefused && ["network", "url_invalid"].includes(error.code));
    const delayMs = NETWORK_RETRY_DELAYS_MS[this.#networkRetries];
    if (delayMs === undefined || status === 404 || (error.fatal && !isOld)) {
      this.#hooks.fail(error.withFatal(true));
      return;
    }
    this.#networkRetries += 1;
    // A reopening tells of it itself.
    if (!isOld) this.#hooks.tell(error);
    Promise.resolve(isOld ? this.#hooks.reopen(error) : undefined).then(
      () => {
        clearTimeout(this.#retryTimer);
        this.#retryTimer = setTimeout(() => this.#hooks.engine()?.resume(), delayMs);
      },
      (thrown) => this.#hooks.fail(asKeyveilError(thrown, "network").withFatal(true)),
    );
  }

  #mayRecoverMedia(): boolean {
    const now = performance.now();
    this.#mediaRecoveries = this.#mediaRecoveries.filter((at) => now - at < MEDIA_RECOVERY_SPAN_MS);
    this.#mediaRecoveries.push(now);
    return this.#mediaRecoveries.length <= MEDIA_RECOVERIES_MAX;
  }
}
