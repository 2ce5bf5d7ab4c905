/**
 * The messages between page and worker (docs/LEVELS.md). No type here has a field that a key would fit in: URLs and signatures go
 * in, public facts come out, and clear segments at the guarded level alone. The engine's are in engine-messages.ts.
 */
import type { EngineCommand, EngineReport } from "./engine-messages.js";
import type { WireError } from "./errors.js";
import type { Downgrade, Playback, Renewal, SdkLevel } from "./protocol.js";

export interface InitMessage {
  readonly type: "init";
  readonly server: string;
  /** Missing: the worker's own, beside it. */
  readonly wasmUrl?: string | undefined;
  /** Hex; for a worker that was made without a pin. */
  readonly wasmSha256?: string | undefined;
  readonly credentials: RequestCredentials;
}

export interface PlayMessage {
  readonly type: "play";
  readonly id: number;
  readonly psign: string;
  readonly fileId?: string | undefined;
  readonly positionMs?: number | undefined;
  /** The first one fixes it for the worker's life. */
  readonly level: SdkLevel;
  /** Why it is not sealed. */
  readonly downgrade: Downgrade | null;
  /** The playback's trace, of which each exchange with the server is a part. */
  readonly trace?: string | undefined;
}

/** Prolongs the session by an exchange that carries a newer signature. */
export interface RenewMessage {
  readonly type: "renew";
  readonly id: number;
  readonly psign: string;
  readonly positionMs: number;
}

/** Guarded only: a sealed worker refuses it. */
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

type ToEveryWorker = InitMessage | PlayMessage | RenewMessage;
export type ToSealedWorker = ToEveryWorker | EngineCommand;
export type ToGuardedWorker = ToEveryWorker | LoadMessage | AbortMessage;
export type ToWorker = ToSealedWorker | ToGuardedWorker;

export interface SegmentTiming {
  /** From the request to its first byte. */
  readonly ttfbMs: number;
  /** From the request to its last byte, without what the network was kept waiting by this side. */
  readonly fetchMs: number;
  /** Of all pieces together; most are decrypted while others come. */
  readonly decryptMs: number;
}

export interface LoadProgress {
  readonly loadedBytes: number;
  /** 0 when the server does not say. */
  readonly totalBytes: number;
  /** All of the ciphertext is here; decryption is what is left. */
  readonly complete: boolean;
  /** Its keys are asked for in so many milliseconds: the server wants it so. */
  readonly heldMs?: number;
}

export type ExchangeKind = "play" | "keys";

/** What a worker says at every level. */
type FromEveryWorker =
  | { readonly type: "ready" }
  | { readonly type: "played"; readonly id: number; readonly playback: Playback }
  | { readonly type: "renewed"; readonly id: number; readonly renewal: Renewal }
  | { readonly type: "exchange"; readonly kind: ExchangeKind; readonly ms: number; readonly period: number }
  /** A session was prolonged, or its media URLs changed, by an exchange that no message asked for. */
  | { readonly type: "session"; readonly renewal: Renewal }
  /** The server wants to be asked for keys later, and will be. */
  | { readonly type: "paced"; readonly error: WireError }
  | { readonly type: "failed"; readonly id: number; readonly error: WireError }
  /** The worker can't work at all. */
  | { readonly type: "unusable"; readonly error: WireError };

export interface SegmentMessage {
  readonly type: "segment";
  readonly id: number;
  /** Clear media, transferred: the worker keeps nothing of it. */
  readonly bytes: ArrayBuffer;
  readonly status: number;
  readonly loadedBytes: number;
  readonly timing: SegmentTiming;
}

export type FromSealedWorker = FromEveryWorker | EngineReport;
export type FromGuardedWorker =
  | FromEveryWorker
  | SegmentMessage
  | { readonly type: "progress"; readonly id: number; readonly progress: LoadProgress };
export type FromWorker = FromSealedWorker | FromGuardedWorker;
