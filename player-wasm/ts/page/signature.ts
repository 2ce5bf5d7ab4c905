/** Asks the page for signatures: the first one, and newer ones before the session ends. */
import { KeyveilError } from "../errors.js";
import type { Renewal, SessionInfo } from "../protocol.js";

export type SignatureReason = "start" | "refresh";

/** The page's own function: asks its server for a signature for this viewer. */
export type GetSignature = (request: {
  readonly fileId: string | undefined;
  readonly reason: SignatureReason;
}) => Promise<string> | string;

const SIGNATURE_TIMEOUT_MS = 30_000;
const RETRY_DELAY_MS_MIN = 5_000;
const RETRY_DELAY_MS_MAX = 300_000;
/** Timers take no more than 31 bits of milliseconds, and sleep with the machine: look again at least this often. */
const CHECK_INTERVAL_MS_MAX = 60_000;

/** When to renew a session of that length: at 80 % of it or a minute before its end, but never in its first half. */
export function refreshDelayMs(session: SessionInfo): number {
  const lifetimeMs = Math.max(0, session.expiresAt - session.serverTime) * 1000;
  return Math.max(0.5 * lifetimeMs, Math.min(0.8 * lifetimeMs, lifetimeMs - 60_000));
}

/** Calls the page's function; every way it can fail is `signature_unavailable`. */
export async function requestSignature(
  getSignature: GetSignature,
  fileId: string | undefined,
  reason: SignatureReason,
): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${SIGNATURE_TIMEOUT_MS} ms`)), SIGNATURE_TIMEOUT_MS);
  });
  try {
    const psign = await Promise.race([Promise.resolve(getSignature({ fileId, reason })), timeout]);
    if (typeof psign !== "string" || psign === "") throw new Error("getSignature did not give a text");
    return psign;
  } catch (cause) {
    throw new KeyveilError("signature_unavailable", undefined, { cause });
  } finally {
    clearTimeout(timer);
  }
}

interface RefreshHooks {
  /** Gets a signature and has the server take it. */
  renew(): Promise<Renewal>;
  /** Not fatal: the old signature still holds, and it is tried again. */
  failed(error: unknown): void;
}

/** Renews in time, again and again, until it is stopped. */
export class SignatureRefresh {
  readonly #hooks: RefreshHooks;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = 0;
  #expiresMs = 0;
  #failures = 0;
  #renewing = false;
  #stopped = false;

  constructor(hooks: RefreshHooks) {
    this.#hooks = hooks;
  }

  /** Plans the next renewal for a session as it now is. */
  plan(session: SessionInfo): void {
    const lifetimeMs = Math.max(0, session.expiresAt - session.serverTime) * 1000;
    // Every exchange tells the expiry anew. One that is not later changes nothing.
    const expiresMs = Date.now() + lifetimeMs;
    if (Math.abs(expiresMs - this.#expiresMs) < 2_000) return;
    this.#expiresMs = expiresMs;
    this.#dueMs = Date.now() + refreshDelayMs(session);
    this.#failures = 0;
    this.#wait();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const restMs = Math.max(0, this.#dueMs - Date.now());
    this.#timer = setTimeout(() => this.#check(), Math.min(restMs, CHECK_INTERVAL_MS_MAX));
  }

  #check(): void {
    if (Date.now() < this.#dueMs) this.#wait();
    else void this.#renew();
  }

  async #renew(): Promise<void> {
    if (this.#renewing || this.#stopped) return;
    this.#renewing = true;
    const expiresMs = this.#expiresMs;
    try {
      const { session } = await this.#hooks.renew();
      this.plan(session);
      // Accepted, and yet no later end: as good as a failure.
      if (this.#expiresMs === expiresMs) this.#failures += 1;
    } catch (error) {
      if (!this.#stopped) this.#hooks.failed(error);
      this.#failures += 1;
    } finally {
      this.#renewing = false;
    }
    // Planned anew with a later end: done. Else try again for as long as the old signature holds.
    if (this.#expiresMs !== expiresMs || Date.now() >= this.#expiresMs) return;
    const delayMs = Math.min(RETRY_DELAY_MS_MIN * 2 ** Math.max(0, this.#failures - 1), RETRY_DELAY_MS_MAX);
    this.#dueMs = Date.now() + delayMs;
    this.#wait();
  }
}
