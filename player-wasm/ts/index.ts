/** `@keyveil/player`: see README.md. Importing it touches neither `window` nor `document`. */
export { type ErrorCode, type ErrorType, KeyveilError } from "./errors.js";
export { KEYVEIL_EVENTS, type KeyveilEventMap, type KeyveilEventType, type PlayerState } from "./events.js";
export type { AttachOptions } from "./page/attach-options.js";
export { createKeyveil, type Keyveil, type KeyveilOptions, type OpenOptions } from "./page/keyveil.js";
export type { KeyveilPlayer } from "./page/player.js";
export { AUTO_QUALITY, type AudioTrack, type Quality } from "./page/qualities.js";
export type { GetSignature, SignatureReason } from "./page/signature.js";
export type { KeyveilTitle } from "./page/title.js";
export type { WorkerLike } from "./page/worker-connection.js";
export type {
  Downgrade,
  Playback,
  PlaybackLevel,
  Preview,
  Rendition,
  ResolutionName,
  SdkLevel,
  SessionInfo,
  TitleInfo,
  TitleMode,
  TrackClass,
} from "./protocol.js";
