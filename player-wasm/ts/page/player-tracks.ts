/** What a player's engine offers to choose from. */
import type Hls from "hls.js";
import { type EngineTracks, NO_TRACKS } from "../engine-messages.js";
import { KeyveilEventTarget } from "../events.js";
import type { ResolutionName } from "../protocol.js";
import type { Engine } from "./engine.js";
import { type AudioTrack, namedAudioTrack, namedQuality, type Quality } from "./qualities.js";

export abstract class PlayerTracks extends KeyveilEventTarget {
  /** Null before there is one, and while one is replaced. */
  protected engine: Engine | null = null;

  /** What the signature calls the qualities. */
  protected abstract get resolutionNames(): readonly ResolutionName[];

  /** For what this class has no name for. Null while there is none, and always at `sealed`. */
  get hls(): Hls | null {
    return this.engine?.hls ?? null;
  }

  get qualities(): readonly Quality[] {
    return this.#tracks.qualities.map((quality) => namedQuality(quality, this.resolutionNames));
  }

  /** What the viewer chose: `AUTO_QUALITY`, or the id of one of `qualities`. */
  get quality(): number {
    return this.#tracks.quality;
  }

  set quality(id: number) {
    this.engine?.chooseQuality(id);
  }

  /** What plays now, whoever chose it. */
  get currentQuality(): Quality | null {
    const { currentQuality } = this.#tracks;
    return this.qualities.find(({ id }) => id === currentQuality) ?? null;
  }

  get audioTracks(): readonly AudioTrack[] {
    return this.#tracks.audioTracks.map(namedAudioTrack);
  }

  /** The id of one of `audioTracks`; -1 where there are none. */
  get audioTrack(): number {
    return this.#tracks.audioTrack;
  }

  set audioTrack(id: number) {
    this.engine?.chooseAudioTrack(id);
  }

  get #tracks(): EngineTracks {
    return this.engine?.tracks ?? NO_TRACKS;
  }
}
