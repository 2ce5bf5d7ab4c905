/** What hls.js takes for granted and no worker has. */
import type { VideoShim } from "./video-shim.js";

const TOKEN = "keyveil-media-source:";

/** Media sources that have been given an address and not yet been put into a video. */
export class MediaSources {
  readonly #waiting = new Map<string, MediaSource>();
  #given = 0;

  /** Stands for the address that `URL.createObjectURL` has only on a page. */
  add(mediaSource: MediaSource): string {
    this.#given += 1;
    const token = `${TOKEN}${this.#given}`;
    this.#waiting.set(token, mediaSource);
    return token;
  }

  /** Each can be taken once, as its handle can be. */
  take(token: string): MediaSource {
    const mediaSource = this.#waiting.get(token);
    if (!mediaSource) throw new TypeError("This is no media source of the worker's, or it was taken already.");
    this.#waiting.delete(token);
    return mediaSource;
  }

  /** Whether it was one of these. */
  revoke(token: string): boolean {
    this.#waiting.delete(token);
    return token.startsWith(TOKEN);
  }
}

/** The global object of a worker, or a test's. */
export interface Scope {
  URL: { createObjectURL(source: Blob | MediaSource): string; revokeObjectURL(url: string): void };
  MediaSource?: typeof MediaSource;
  HTMLVideoElement?: unknown;
  VTTCue?: unknown;
  devicePixelRatio?: number;
}

const installed = new WeakMap<Scope, MediaSources>();

/** Puts it there, once, and gives the sources that `URL.createObjectURL` is asked for from then on. */
export function installGlobals(scope: Scope, shim: typeof VideoShim): MediaSources {
  const before = installed.get(scope);
  if (before) return before;
  const sources = new MediaSources();
  installed.set(scope, sources);
  const { URL } = scope;
  const create = URL.createObjectURL.bind(URL);
  const revoke = URL.revokeObjectURL.bind(URL);
  URL.createObjectURL = (source) =>
    scope.MediaSource && source instanceof scope.MediaSource ? sources.add(source) : create(source);
  URL.revokeObjectURL = (url) => {
    if (!sources.revoke(url)) revoke(url);
  };
  // hls.js asks whether what it is attached to is one.
  scope.HTMLVideoElement = shim;
  scope.VTTCue ??= Cue;
  scope.devicePixelRatio ??= 1;
  return sources;
}

/** What hls.js makes of captions inside the picture's data; those of files it makes from a class of its own. */
class Cue {
  id = "";
  line: number | "auto" = "auto";
  lineAlign = "start";
  position: number | "auto" = "auto";
  positionAlign = "auto";
  size = 100;
  align = "center";
  vertical = "";
  snapToLines = true;
  region: unknown = null;
  startTime: number;
  endTime: number;
  text: string;

  constructor(startTime: number, endTime: number, text: string) {
    this.startTime = startTime;
    this.endTime = endTime;
    this.text = text;
  }
}
