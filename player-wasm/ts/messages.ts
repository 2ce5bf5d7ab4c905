/**
 * The messages between page and worker. No type here has a field that a key would fit in: URLs and signatures go in, clear
 * segments and public facts come out.
 */
import type { WireError } from "./errors.js";
import type { Playback, Renewal } from "./protocol.js";

export interface InitMessage {
  readonly type: "init";
  readonly server: string;
  /** Missing: `keyveil.wasm` beside the worker. */
  readonly wasmUrl?: string | undefined;
  readonly credentials: RequestCredentials;
}

export interface PlayMessage {
  readonly type: "play";
  readonly id: number;
  readonly psign: string;
  readonly fileId?: string | undefined;
  readonly positionMs?: number | undefined;
}

/** Prolongs the session by an exchange that carries a newer signature. */
export interface RenewMessage {
  readonly type: "renew";
  readonly id: number;
  readonly psign: string;
  readonly positionMs: number;
}

export interface LoadMessage {
  readonly type: "load";
  readonly id: number;
  readonly url: string;
  /** The text behind `#keyveil=`. */
  readonly reference: string;
  readonly rangeStart?: number | undefined;
  /** Exclusive. */
  readonly rangeEnd?: number | undefined;
  readonly positionMs: number;
}

export interface AbortMessage {
  readonly type: "abort";
  readonly id: number;
}

export type ToWorker = InitMessage | PlayMessage | RenewMessage | LoadMessage | AbortMessage;

export interface SegmentTiming {
  /** From the request to its first byte. */
  readonly ttfbMs: number;
  /** From the request to its last byte. */
  readonly fetchMs: number;
  readonly decryptMs: number;
}

export interface LoadProgress {
  readonly loadedBytes: number;
  /** 0 when the server does not say. */
  readonly totalBytes: number;
  /** All of the ciphertext is here; decryption is what is left. */
  readonly complete: boolean;
}

export type ExchangeKind = "play" | "keys";

export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "played"; readonly id: number; readonly playback: Playback }
  | { readonly type: "renewed"; readonly id: number; readonly renewal: Renewal }
  | {
      readonly type: "segment";
      readonly id: number;
      /** Clear media, transferred: the worker keeps nothing of it. */
      readonly bytes: ArrayBuffer;
      readonly status: number;
      readonly loadedBytes: number;
      readonly timing: SegmentTiming;
    }
  | { readonly type: "progress"; readonly id: number; readonly progress: LoadProgress }
  | { readonly type: "exchange"; readonly kind: ExchangeKind; readonly ms: number; readonly period: number }
  /** A session was prolonged, or its media URLs changed, by an exchange that no message asked for. */
  | { readonly type: "session"; readonly renewal: Renewal }
  | { readonly type: "failed"; readonly id: number; readonly error: WireError }
  /** The worker can't work at all. */
  | { readonly type: "unusable"; readonly error: WireError };
