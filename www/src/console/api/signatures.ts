import { call } from "./call.ts";
import type { TrackClass } from "./titles.ts";

export interface SignatureWish {
  readonly fileId: string;
  readonly expiresInSecs?: number;
  readonly uid?: string;
  readonly maxTrack?: TrackClass;
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
