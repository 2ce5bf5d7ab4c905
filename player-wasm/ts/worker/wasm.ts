/** Starts the wasm module. It is fetched by its own URL, so that each installation can serve its own build, and pinned. */

import { isErrorCode, KeyveilError } from "../errors.js";
import init, { KeyveilSession } from "../generated/keyveil.js";
import { hex } from "../hex.js";
import type { Downgrade, SdkLevel } from "../protocol.js";
import type { WasmSource } from "./pin.js";

/** Some ten times what it has. */
const WASM_BYTES_MAX = 4 << 20;

/** The least module that has a vector in it, as ours does: a function that returns one, of zeros. */
const VECTORS = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7b],
  ...[3, 2, 1, 0],
  ...[10, 8, 1, 6, 0, 0x41, 0, 0xfd, 0x0f, 0x0b],
]);

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
  /** `fragment` is `keyveil=…`. */
  openSegment(fragment: string): WasmSegment;
  /** Where a piece of ciphertext is to be written, as an address in the module's memory: as many bytes as a piece has at most. */
  room(): number;
  /** Decrypts in place the first `len` bytes there, and returns how many clear bytes stand at the front then. */
  decryptPiece(segment: WasmSegment, len: number, isLast: boolean): number;
  wipe(): void;
}

/** How far the module is with one segment. It has to be freed. */
export interface WasmSegment {
  /** Each piece but the last has so many bytes. */
  readonly pieceLen: number;
  /** What a ciphertext of so many bytes can be in clear at most. */
  clearLenMax(ciphertextLen: number): number;
  free(): void;
}

export interface Wasm {
  readonly session: WasmSession;
  readonly memory: WebAssembly.Memory;
}

export async function startWasm({ url, sha256 }: WasmSource, credentials: RequestCredentials): Promise<Wasm> {
  if (typeof WebAssembly === "undefined") {
    throw new KeyveilError("wasm_unavailable", "This browser has no WebAssembly, or the page switched it off.");
  }
  // Without it nothing can be told of the file, so nothing of it runs.
  if (!globalThis.crypto?.subtle) {
    throw new KeyveilError("wasm_unavailable", "The decryptor can't be verified: serve the page over https.");
  }
  let memory: WebAssembly.Memory;
  try {
    const bytes = await fetchBounded(url, credentials);
    if (hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))) !== sha256)
      throw new KeyveilError("wasm_altered");
    memory = (await init({ module_or_path: bytes })).memory;
  } catch (thrown) {
    if (thrown instanceof KeyveilError) throw thrown;
    if (!WebAssembly.validate(VECTORS)) {
      const message = "This browser has no WebAssembly SIMD: it takes Chromium 91, Firefox 89 or Safari 16.4.";
      throw new KeyveilError("unsupported_browser", message, { cause: thrown, fatal: true });
    }
    throw new KeyveilError("wasm_unavailable", undefined, { cause: thrown, fatal: true });
  }
  return { session: guarded(() => new KeyveilSession()), memory };
}

/** The file in one buffer that nobody else holds: what is hashed is what is compiled. */
async function fetchBounded(url: string, credentials: RequestCredentials): Promise<ArrayBuffer> {
  const response = await fetch(url, { credentials });
  if (!response.ok) throw new Error(`status ${response.status} for ${url}`);
  const chunks: BlobPart[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    length += read.value.byteLength;
    if (length > WASM_BYTES_MAX) {
      void reader?.cancel();
      throw new KeyveilError("wasm_altered", "The decryptor's file is too large to be the one of this player.");
    }
    chunks.push(read.value);
  }
  return new Blob(chunks).arrayBuffer();
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
