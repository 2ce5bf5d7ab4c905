/** Starts the wasm module. It is fetched by its own URL, so that each installation can serve its own build. */

import { isErrorCode, KeyveilError } from "../errors.js";
import init, { KeyveilSession } from "../generated/keyveil.js";
import type { Downgrade, SdkLevel } from "../protocol.js";

/** What the worker uses of the module; tests put their own in its place. */
export interface WasmSession {
  /** `downgrade` says why the level is not `sealed`; nothing where it is. */
  playRequest(
    psign: string,
    fileId: string | undefined,
    positionMs: number,
    level: SdkLevel,
    downgrade: Downgrade | undefined,
  ): string;
  acceptPlay(response: string): void;
  keysRequest(period: number, positionMs: number, psign: string | undefined): string[];
  acceptKeys(response: string): void;
  holdsPeriod(period: number): boolean;
  trackClasses(): string[];
  reserve(len: number): number;
  /** `fragment` is `keyveil=…`. */
  decrypt(fragment: string): number;
  wipe(): void;
}

export interface Wasm {
  readonly session: WasmSession;
  readonly memory: WebAssembly.Memory;
}

export async function startWasm(url: string, credentials: RequestCredentials): Promise<Wasm> {
  if (typeof WebAssembly === "undefined") {
    throw new KeyveilError("wasm_unavailable", "This browser has no WebAssembly, or the page switched it off.");
  }
  let memory: WebAssembly.Memory;
  try {
    const response = await fetch(url, { credentials });
    if (!response.ok) throw new Error(`status ${response.status} for ${url}`);
    const exports = await init({ module_or_path: await response.arrayBuffer() });
    memory = exports.memory;
  } catch (cause) {
    throw new KeyveilError("wasm_unavailable", undefined, { cause, fatal: true });
  }
  return { session: guarded(() => new KeyveilSession()), memory };
}

/** Runs a call into the module. It throws its refusals as code texts; anything else is a trap that leaves it unusable. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    if (isErrorCode(thrown)) throw new KeyveilError(thrown);
    throw new KeyveilError("worker_crashed", "The decryptor failed.", { cause: thrown });
  }
}
