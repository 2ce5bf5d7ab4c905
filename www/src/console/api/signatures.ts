import { call } from "./call.ts";
import type { BelowMinLevel, Level } from "./levels.ts";
import type { TrackClass } from "./titles.ts";

export interface SignatureWish {
  readonly fileId: string;
  readonly expiresInSecs?: number;
  readonly uid?: string;
  readonly maxTrack?: TrackClass;
  /** The least level of playback allowed, beside that of the application: the stricter holds. */
  readonly minLevel?: Level;
  /** Only with `minLevel`. */
  readonly belowMinLevel?: BelowMinLevel;
  /** A preview of so many seconds. */
  readonly previewSecs?: number;
  /** So many client addresses may use it. */
  readonly addressLimit?: number;
  /** Addresses or ranges that every request comes from. */
  readonly ip?: readonly string[];
  readonly domains?: readonly string[];
  /** Opens one session. */
  readonly once?: true;
  /** So many sessions of the viewer at once. */
  readonly sessions?: number;
  /** A mark, to find its sessions again. */
  readonly us?: string;
  /** Text over the picture. */
  readonly watermark?: string;
  readonly resolutionNames?: readonly { readonly minEdgeLength: number; readonly name: string }[];
  readonly kid?: string;
}

export interface Signature {
  readonly psign: string;
  readonly expiresAt: number;
}

/** What a signature says, and whether it would be accepted now. */
export interface DecodedSignature {
  readonly valid: boolean;
  /** Why not. */
  readonly code: string | null;
  readonly message: string | null;
  /** The key that made it, or that it names. */
  readonly kid: string | null;
  readonly header: Readonly<Record<string, unknown>> | null;
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly expiresAt: number | null;
}

export const createSignature = (wish: SignatureWish, signal?: AbortSignal): Promise<Signature> =>
  call("POST", "/v1/player-signatures", { body: wish, signal });

export const decodeSignature = (psign: string): Promise<DecodedSignature> =>
  call("POST", "/v1/player-signatures/decode", { body: { psign } });
