/** The guarded engine: hls.js on the page. Imported where it is needed, so that a page that plays sealed loads no hls.js. */
import Hls, { type HlsConfig } from "hls.js";
import type { EngineTracks } from "../engine-messages.js";
import type { KeyveilError } from "../errors.js";
import { failureOf } from "../hls/failure.js";
import { leaveOut } from "../hls/left-out.js";
import { HLS_DEFAULTS } from "../hls/settings.js";
import { followTracks, isChoice, tracksOf } from "../hls/tracks.js";
import type { Playback } from "../protocol.js";
import type { Engine, EngineEvents } from "./engine.js";

export interface PageEngineOptions {
  readonly video: HTMLVideoElement;
  /** The master playlist's address, under the token that is valid now. */
  readonly playlistUrl: () => string;
  /** Seconds; -1: the beginning. */
  readonly startPosition: number;
  /** The application's settings, and over them the title's own. */
  readonly settings: Partial<HlsConfig>;
  readonly hlsWorkerUrl: string | URL | undefined;
}

export class PageEngine implements Engine {
  readonly level = "guarded";
  readonly hls: Hls;
  readonly #options: PageEngineOptions;

  static isSupported(): boolean {
    return Hls.isSupported();
  }

  constructor(options: PageEngineOptions, events: EngineEvents) {
    const { startPosition, settings, hlsWorkerUrl } = options;
    this.#options = options;
    const hls = new Hls({
      ...HLS_DEFAULTS,
      startPosition,
      // The ES module of hls.js has no worker inside: without this it would transmux on the page's own thread.
      workerPath: hlsWorkerUrl ? String(hlsWorkerUrl) : new URL("./hls.worker.js", import.meta.url).href,
      ...settings,
    });
    this.hls = hls;
    const { Events } = Hls;
    hls.on(Events.ERROR, (_event, data) => {
      if (data.fatal) events.trouble(failureOf(data));
    });
    hls.on(Events.MANIFEST_PARSED, () => events.ready());
    hls.on(Events.FRAG_BUFFERED, () => events.buffered());
    followTracks(hls, () => events.tracks());
  }

  get tracks(): EngineTracks {
    return tracksOf(this.hls);
  }

  chooseQuality(id: number): void {
    if (isChoice(this.tracks.qualities, id)) this.hls.nextLevel = id;
  }

  chooseAudioTrack(id: number): void {
    if (isChoice(this.tracks.audioTracks, id)) this.hls.audioTrack = id;
  }

  start(): void {
    this.hls.attachMedia(this.#options.video);
    this.hls.loadSource(this.#options.playlistUrl());
  }

  resume(): void {
    if (this.hls.levels.length === 0) this.hls.loadSource(this.#options.playlistUrl());
    else this.hls.startLoad();
  }

  recoverMedia(): void {
    this.hls.recoverMediaError();
  }

  /** After a renewal; in a sealed worker, its engine does that. */
  leaveOut(playback: Playback): void {
    leaveOut(this.hls, playback);
  }

  stopLoad(): void {
    this.hls.stopLoad();
  }

  fail(error: KeyveilError): void {
    if (error.type === "session" || error.type === "signature") {
      this.hls.trigger(Hls.Events.ERROR, {
        type: Hls.ErrorTypes.KEY_SYSTEM_ERROR,
        details: Hls.ErrorDetails.KEY_SYSTEM_NO_SESSION,
        fatal: true,
        error,
      });
    }
    this.hls.stopLoad();
  }

  detach(): void {
    this.hls.detachMedia();
  }

  destroy(): void {
    this.hls.destroy();
  }
}
