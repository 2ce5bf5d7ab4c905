/** Which wasm this worker takes: the one it was made with, known by its SHA-256 before a byte of it is compiled. */
import { KeyveilError } from "../errors.js";

/** `key-server build write` puts `NAME:SHA256` in the place of `none`, in the built file, where this text stands once. */
const PIN = "keyveil-sdk-pin:none";

export interface Pin {
  /** A file name. */
  readonly wasm: string;
  /** Hex. */
  readonly sha256: string;
}

/** What a page says of it. */
export interface AskedWasm {
  readonly wasmUrl?: string | undefined;
  readonly wasmSha256?: string | undefined;
}

export interface WasmSource {
  readonly url: string;
  readonly sha256: string;
}

/** The pin of this file; `null` in the npm package, which belongs to no key server. */
export function pinOf(text: string = PIN): Pin | null {
  const [, wasm, sha256] = /^keyveil-sdk-pin:([\w.-]+\.wasm):([0-9a-f]{64})$/.exec(text) ?? [];
  return wasm && sha256 ? { wasm, sha256 } : null;
}

/**
 * Where to get the wasm, and what it has to be. A page may say from where; which one it is, a page says to a worker without a pin
 * alone. `worker` is the worker's own address.
 */
export function wasmSource({ wasmUrl, wasmSha256 }: AskedWasm, worker: string, pin: Pin | null = pinOf()): WasmSource {
  const asked = wasmSha256?.toLowerCase();
  const sha256 = pin?.sha256 ?? asked;
  if (!sha256) throw new KeyveilError("build_missing");
  if (asked !== undefined && asked !== sha256) {
    throw new KeyveilError("wasm_altered", "The page's wasmSha256 is not that of the wasm this worker was made with.");
  }
  return { url: wasmUrl ?? new URL(pin?.wasm ?? "keyveil.wasm", worker).href, sha256 };
}
