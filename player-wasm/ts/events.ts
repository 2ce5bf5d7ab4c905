/** What the player tells the page, and an `EventTarget` that knows the types. */
import type { KeyveilError } from "./errors.js";
import type { ExchangeKind } from "./messages.js";
import type { Playback, Preview } from "./protocol.js";

export type PlayerState =
  | "idle"
  | "loading"
  | "ready"
  | "playing"
  | "paused"
  | "buffering"
  | "ended"
  | "error"
  | "destroyed";

/** Each event's `detail`. */
export interface KeyveilEventMap {
  state: { readonly state: PlayerState };
  /** The title's public facts are known. */
  title: Playback;
  /** Keys came: how long the exchange took, from building the request to the opened grant. */
  exchange: { readonly kind: ExchangeKind; readonly ms: number; readonly period: number };
  /** A segment was fetched and decrypted. */
  segment: {
    readonly rendition: number;
    readonly segment: number;
    readonly bytes: number;
    readonly fetchMs: number;
    readonly decryptMs: number;
  };
  /** Qualities, audio tracks or what is chosen of them have changed: the player has them. */
  tracks: Record<string, never>;
  /** A signature was accepted. */
  signature: { readonly reason: "start" | "refresh"; readonly expiresAt: number };
  error: KeyveilError;
  /** Playback has come to the end of a preview. `ended` follows. */
  previewend: Preview;
  ended: Record<string, never>;
}

export type KeyveilEventType = keyof KeyveilEventMap;

export const KEYVEIL_EVENTS: readonly KeyveilEventType[] = [
  "state",
  "title",
  "exchange",
  "segment",
  "tracks",
  "signature",
  "error",
  "previewend",
  "ended",
];

export type KeyveilListener<K extends KeyveilEventType> = (event: CustomEvent<KeyveilEventMap[K]>) => void;

/** `EventTarget` with the types of `KeyveilEventMap`. */
export class KeyveilEventTarget extends EventTarget {
  /** Listens; the function that is returned stops it. */
  on<K extends KeyveilEventType>(type: K, listener: KeyveilListener<K>): () => void {
    this.addEventListener(type, listener as EventListener);
    return () => this.removeEventListener(type, listener as EventListener);
  }

  protected emit<K extends KeyveilEventType>(type: K, detail: KeyveilEventMap[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Passes every event of another target on, until the function that is returned is called. */
  protected forward(source: KeyveilEventTarget, types: readonly KeyveilEventType[] = KEYVEIL_EVENTS): () => void {
    const stops = types.map((type) =>
      source.on(type, (event) => this.emit(type, event.detail as KeyveilEventMap[typeof type])),
    );
    return () => {
      for (const stop of stops) stop();
    };
  }
}
