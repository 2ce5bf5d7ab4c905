/** `@keyveil/player`: see README.md. Importing it touches neither `window` nor `document`. */
export { type ErrorCode, type ErrorType, KeyveilError } from "./errors.js";
export { KEYVEIL_EVENTS, type KeyveilEventMap, type KeyveilEventType, type PlayerState } from "./events.js";
export { createKeyveil, type Keyveil, type KeyveilOptions, type OpenOptions } from "./page/keyveil.js";
export { type AttachOptions, AUTO_QUALITY, type KeyveilPlayer, type Quality } from "./page/player.js";
export type { GetSignature, SignatureReason } from "./page/signature.js";
export type { KeyveilTitle } from "./page/title.js";
export type { WorkerLike } from "./page/worker-connection.js";
export type {
  Playback,
  Preview,
  Rendition,
  ResolutionName,
  SessionInfo,
  TitleInfo,
  TitleMode,
  TrackClass,
} from "./protocol.js";
