/** The guarded engine: hls.js on the page. Imported where it is needed, so that a page that plays sealed loads no hls.js. */
import Hls, { type ErrorData, type HlsConfig, type MediaPlaylist } from "hls.js";
import type { EngineTrack, EngineTracks } from "../engine-messages.js";
import { type KeyveilError, refusalOf } from "../errors.js";
import type { Engine, EngineEvents, EngineTrouble } from "./engine.js";

const REFUSAL_BYTES_MAX = 64 << 10;

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
      backBufferLength: 30,
      startPosition,
      // The ES module of hls.js has no worker inside: without this it would transmux on the page's own thread.
      workerPath: hlsWorkerUrl ? String(hlsWorkerUrl) : new URL("./hls.worker.js", import.meta.url).href,
      ...settings,
    });
    this.hls = hls;
    const { Events } = Hls;
    hls.on(Events.ERROR, (_event, data) => {
      if (data.fatal) events.trouble(troubleOf(data));
    });
    hls.on(Events.MANIFEST_PARSED, () => events.ready());
    hls.on(Events.FRAG_BUFFERED, () => events.buffered());
    const tracks = () => events.tracks();
    hls.on(Events.LEVELS_UPDATED, tracks);
    hls.on(Events.LEVEL_SWITCHED, tracks);
    hls.on(Events.AUDIO_TRACKS_UPDATED, tracks);
    hls.on(Events.AUDIO_TRACK_SWITCHED, tracks);
    hls.on(Events.SUBTITLE_TRACKS_UPDATED, tracks);
    hls.on(Events.SUBTITLE_TRACK_SWITCH, tracks);
  }

  get tracks(): EngineTracks {
    const { hls } = this;
    return {
      qualities: hls.levels.map(({ name = "", width = 0, height = 0, bitrate }, id) => ({
        id,
        name,
        width,
        height,
        bitrate,
      })),
      quality: hls.manualLevel,
      currentQuality: hls.currentLevel,
      audioTracks: hls.audioTracks.map(trackOf),
      audioTrack: hls.audioTrack,
      subtitleTracks: hls.subtitleTracks.map(trackOf),
      subtitleTrack: hls.subtitleTrack,
    };
  }

  chooseQuality(id: number): void {
    this.hls.nextLevel = id;
  }

  chooseAudioTrack(id: number): void {
    this.hls.audioTrack = id;
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

function trackOf({ name, lang = "", default: isDefault }: MediaPlaylist, id: number): EngineTrack {
  return { id, name, language: lang, isDefault };
}

function troubleOf(data: ErrorData): EngineTrouble {
  const { NETWORK_ERROR, MEDIA_ERROR } = Hls.ErrorTypes;
  const kind = data.type === NETWORK_ERROR ? "network" : data.type === MEDIA_ERROR ? "media" : "other";
  const status = data.response?.code ?? 0;
  return { kind, status, refusal: refusalIn(data, status), cause: data.error };
}

/** What the server said, where hls.js' own loader was refused. */
function refusalIn({ networkDetails }: ErrorData, status: number): KeyveilError | null {
  const body: unknown = (networkDetails as { response?: unknown } | null | undefined)?.response;
  if (typeof body === "string") return refusalOf(status, body);
  if (!(body instanceof ArrayBuffer)) return null;
  return refusalOf(status, new TextDecoder().decode(body.slice(0, REFUSAL_BYTES_MAX)));
}
