/** What menus offer: qualities and audio tracks. */
import type { EngineQuality, EngineTrack } from "../engine-messages.js";
import type { ResolutionName } from "../protocol.js";

/** One entry of a quality menu. */
export interface Quality {
  /** What `player.quality` takes. */
  readonly id: number;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
}

/** One entry of a menu of audio tracks. */
export interface AudioTrack {
  /** What `player.audioTrack` takes. */
  readonly id: number;
  readonly name: string;
  /** BCP 47; empty where the title says none. */
  readonly language: string;
}

export const AUTO_QUALITY = -1;

/** By the name that the signature gives, else that of the playlist, else the size. */
export function namedQuality(quality: EngineQuality, names: readonly ResolutionName[]): Quality {
  const { id, name, width, height, bitrate } = quality;
  const minEdge = Math.min(width, height) || height;
  const named = names.find(({ minEdgeLength }) => minEdgeLength === minEdge)?.name;
  return { id, name: named ?? (name || (minEdge ? `${minEdge}p` : `${id}`)), width, height, bitrate };
}

export function namedAudioTrack({ id, name, language }: EngineTrack): AudioTrack {
  return { id, name: name || language || `${id}`, language };
}
