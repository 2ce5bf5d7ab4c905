/** A title that plays in this worker: where its loads go, and what becomes of those that are refused for their session. */
import { asKeyveilError, curedByNewSession, KeyveilError, type WireError } from "../../errors.js";
import { orLeftOut } from "../../hls/left-out.js";
import type { LoaderHost } from "../../hls/loaders.js";
import { MediaUrls } from "../../hls/media-urls.js";
import type { PlaylistRules } from "../../hls/playlist.js";
import { playlistRulesOf } from "../../hls/playlist-rules.js";
import { SessionRetry } from "../../hls/session-retry.js";
import { limitedTo, type Playback, parseSegmentRef, type Renewal } from "../../protocol.js";
import type { ClearSegment, OnProgress, SegmentRequest } from "../segment-loader.js";
import type { Report } from "./video-shim.js";

/** The part of `SegmentLoader` that is used here. */
export interface SegmentSource {
  load(request: SegmentRequest, signal: AbortSignal, onProgress: OnProgress): Promise<ClearSegment>;
}

interface Reopening {
  resolve(): void;
  reject(error: KeyveilError): void;
}

export class WorkerTitle implements LoaderHost {
  readonly #segments: SegmentSource;
  readonly #report: Report;
  readonly #crashed: (error: KeyveilError) => void;
  readonly #retry = new SessionRetry((cause) => this.#reopen(cause));
  readonly #reopenings = new Map<number, Reopening>();
  #nextId = 1;
  #playing: { readonly playback: Playback; readonly urls: MediaUrls } | null = null;
  #position: (() => number) | null = null;
  #limited: ((playback: Playback) => void) | null = null;

  /** `crashed`: the decryptor can't be asked again. */
  constructor(segments: SegmentSource, report: Report, crashed: (error: KeyveilError) => void) {
    this.#segments = segments;
    this.#report = report;
    this.#crashed = crashed;
  }

  get playback(): Playback {
    return this.#played.playback;
  }

  /** The master playlist, under the token that is valid now. */
  get playlistUrl(): string {
    return this.currentUrl(this.#played.playback.playlistUrl);
  }

  /** Where playback is, in milliseconds, for the server's pacing. */
  followPosition(position: (() => number) | null): void {
    this.#position = position;
  }

  /** Who hears what is left of the title after each renewal, and in each new session. */
  followLimits(limited: ((playback: Playback) => void) | null): void {
    this.#limited = limited;
  }

  /** A session was made. */
  played(playback: Playback): void {
    const urls = this.#playing?.urls ?? new MediaUrls(playback.playlistUrl);
    urls.update(playback.playlistUrl);
    this.#playing = { playback, urls };
    this.#retry.opened();
    this.#limited?.(playback);
  }

  /** It was prolonged. */
  renewed({ playlistUrl, maxTrack }: Renewal): void {
    const { playback, urls } = this.#played;
    urls.update(playlistUrl);
    this.#playing = { playback: limitedTo(playback, maxTrack), urls };
    this.#limited?.(this.#playing.playback);
  }

  /** The page's answer to a `reopen`. */
  reopened(id: number, error: WireError | null): void {
    const reopening = this.#reopenings.get(id);
    this.#reopenings.delete(id);
    if (error) reopening?.reject(KeyveilError.fromWire(error));
    else reopening?.resolve();
  }

  // LoaderHost

  currentUrl(url: string): string {
    return this.#playing?.urls.current(url) ?? url;
  }

  playlistRules(): PlaylistRules {
    return playlistRulesOf(this.#played.playback);
  }

  load(request: SegmentRequest, signal: AbortSignal, onProgress: OnProgress): Promise<ClearSegment> {
    // Only a private title's playlists and init segments were held to its rules.
    if (!this.playlistRules().isPrivate) return Promise.reject(new KeyveilError("key_not_granted"));
    return this.#retry.run(
      () => this.#loadOnce(request, signal, onProgress),
      (thrown) => {
        const error = asKeyveilError(thrown, "worker_crashed");
        return curedByNewSession(error) && !signal.aborted ? error : null;
      },
    );
  }

  report(error: KeyveilError): void {
    this.#report({ type: "report", error: error.toWire() });
  }

  async #loadOnce(request: SegmentRequest, signal: AbortSignal, onProgress: OnProgress): Promise<ClearSegment> {
    const positionMs = this.#position?.() ?? request.positionMs;
    try {
      const url = this.currentUrl(request.url);
      const loaded = await this.#segments.load({ ...request, url, positionMs }, signal, onProgress);
      this.#tell(request.reference, loaded);
      return loaded;
    } catch (thrown) {
      const error = asKeyveilError(thrown, "worker_crashed", "The worker failed.");
      if (error.code === "worker_crashed") this.#crashed(error);
      throw orLeftOut(error, request.reference, this.playback);
    }
  }

  /** As it came over the network: the length of the clear segment would tell its padding. */
  #tell(reference: string, { loadedBytes, timing: { fetchMs, decryptMs } }: ClearSegment): void {
    const { rendition = 0, segment = 0 } = parseSegmentRef(reference) ?? {};
    this.#report({ type: "loaded", rendition, segment, bytes: loadedBytes, fetchMs, decryptMs });
  }

  /** Only the page can have another signature. */
  #reopen(cause: KeyveilError): Promise<void> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#reopenings.set(id, { resolve, reject });
      this.#report({ type: "reopen", id, cause: cause.toWire() });
    });
  }

  get #played() {
    if (!this.#playing) throw new KeyveilError("session_invalid", "The title is not open yet.");
    return this.#playing;
  }
}
