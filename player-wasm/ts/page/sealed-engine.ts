/** The sealed engine's end on the page: commands go to hls.js in the worker, and no media comes back (docs/LEVELS.md). */
import {
  type EngineCommand,
  type EngineReport,
  type EngineTracks,
  NO_TRACKS,
  type PlainSettings,
} from "../engine-messages.js";
import { KeyveilError } from "../errors.js";
import { CaptionTracks } from "./caption-tracks.js";
import type { Engine, EngineEvents } from "./engine.js";
import type { EngineListener } from "./title.js";
import { VideoMirror } from "./video-mirror.js";

/** Its worker, as a title has it. */
export interface EngineLink {
  send(command: EngineCommand): void;
  followEngine(listener: EngineListener | null): void;
}

export interface SealedEngineOptions {
  readonly video: HTMLVideoElement;
  readonly link: EngineLink;
  /** Seconds; -1: the beginning. */
  readonly startPosition: number;
  readonly settings: PlainSettings;
  /** What an engine of the same title, which this one takes over from, had chosen. */
  readonly chosen: EngineTracks | null;
}

export interface SealedEngineEvents extends EngineEvents {
  /** The worker is gone: this engine does nothing any more. */
  lost(error: KeyveilError): void;
  /** Playback is impossible here. */
  failed(error: KeyveilError): void;
}

export class SealedEngine implements Engine {
  readonly level = "sealed";
  readonly hls = null;
  readonly #options: SealedEngineOptions;
  readonly #events: SealedEngineEvents;
  readonly #mirror: VideoMirror;
  readonly #captions: CaptionTracks;
  #tracks: EngineTracks = NO_TRACKS;
  /** What is still to be chosen again. */
  #restoring: EngineTracks | null;
  #generation = 0;
  /** Only what is decrypted here is told as `loaded`; what is clear, or decrypted by hls.js, shows in the buffer. */
  #hasLoaded = false;
  /** Null before there was a source: the first one plays at the element's own default. */
  #rate: number | null = null;

  constructor(options: SealedEngineOptions, events: SealedEngineEvents) {
    this.#options = options;
    this.#events = events;
    const { video, chosen } = options;
    this.#restoring = chosen;
    this.#mirror = new VideoMirror(video, (event) => this.#look(event));
    this.#captions = new CaptionTracks(video, (id) => this.#send({ type: "engine-subtitle-track", id }));
  }

  get tracks(): EngineTracks {
    return this.#tracks;
  }

  chooseQuality(id: number): void {
    // Read back before the engine has answered, it is what was chosen.
    this.#tracks = { ...this.#tracks, quality: id };
    this.#send({ type: "engine-quality", id });
  }

  chooseAudioTrack(id: number): void {
    this.#tracks = { ...this.#tracks, audioTrack: id };
    this.#send({ type: "engine-audio-track", id });
  }

  start(): void {
    const { link, startPosition, settings } = this.#options;
    link.followEngine({
      report: (report) => this.#receive(report),
      lost: (error) => this.#events.lost(error),
    });
    this.#send({ type: "engine-start", startPosition, settings, video: this.#mirror.snapshot() });
  }

  resume(): void {
    this.#send({ type: "engine-resume" });
  }

  recoverMedia(): void {
    this.#send({ type: "engine-recover-media" });
  }

  stopLoad(): void {
    this.#send({ type: "engine-stop-load" });
  }

  /** Nobody on the page listens to its hls.js. */
  fail(_error: KeyveilError): void {
    this.stopLoad();
  }

  detach(): void {
    this.#send({ type: "engine-detach" });
    // At once: what is buffered must not play on until the worker gets to it.
    this.#setSource(null);
  }

  destroy(): void {
    this.#send({ type: "engine-stop" });
    this.#options.link.followEngine(null);
    this.#mirror.stop();
    this.#captions.destroy();
    this.#setSource(null);
  }

  #send(command: EngineCommand): void {
    this.#options.link.send(command);
  }

  #look(event: string | null): void {
    const { video } = this.#options;
    if (event === "loadedmetadata" && video.srcObject) this.#hasLoaded = true;
    // Before there was any media, it is the source itself that the browser does not take; so does a policy without `media-src blob:`.
    if (event === "error" && video.srcObject && !this.#hasLoaded)
      this.#events.failed(new KeyveilError("source_not_opened", undefined, { cause: video.error?.message }));
    this.#send({ type: "video", generation: this.#generation, event, snapshot: this.#mirror.snapshot() });
  }

  #receive(report: EngineReport): void {
    switch (report.type) {
      case "media":
        this.#attach(report.generation, report.handle);
        break;
      case "seek":
        if (report.generation === this.#generation) this.#options.video.currentTime = report.seconds;
        break;
      case "loaded":
        this.#hasLoaded = true;
        break;
      case "engine-ready":
        this.#events.ready();
        break;
      case "tracks":
        this.#onTracks(report.tracks);
        break;
      case "cues":
        this.#captions.add(report.track, report.cues);
        break;
      case "buffered":
        this.#hasLoaded = true;
        this.#events.buffered();
        break;
      case "engine-error": {
        const { kind, status, refusal, cause } = report.failure;
        this.#events.trouble({ kind, status, refusal: refusal && KeyveilError.fromWire(refusal), cause });
        break;
      }
    }
  }

  #onTracks(tracks: EngineTracks): void {
    this.#tracks = tracks;
    this.#captions.update(tracks.subtitleTracks, tracks.subtitleTrack);
    this.#restore();
    this.#events.tracks();
  }

  /** The same title offers the same: each list is chosen from once it is there. */
  #restore(): void {
    const before = this.#restoring;
    if (!before) return;
    const { qualities, audioTracks, subtitleTracks } = this.#tracks;
    if (qualities.length > 0 && before.quality !== -1) this.chooseQuality(before.quality);
    if (audioTracks.length > 0 && before.audioTrack !== -1) this.chooseAudioTrack(before.audioTrack);
    if (subtitleTracks.length > 0 && before.subtitleTrack !== -1) this.#captions.choose(before.subtitleTrack);
    this.#restoring = {
      ...before,
      ...(qualities.length > 0 && { quality: -1 }),
      ...(audioTracks.length > 0 && { audioTrack: -1 }),
      ...(subtitleTracks.length > 0 && { subtitleTrack: -1 }),
    };
  }

  #attach(generation: number, handle: MediaSourceHandle | null): void {
    const { video } = this.#options;
    this.#generation = generation;
    if (video.srcObject) this.#rate = video.playbackRate;
    this.#setSource(handle);
    if (!handle) return;
    if (this.#rate !== null && video.playbackRate !== this.#rate) video.playbackRate = this.#rate;
    // What has changed since the engine made this source was told of the one before.
    this.#look(null);
  }

  #setSource(handle: MediaSourceHandle | null): void {
    const { video } = this.#options;
    if (video.srcObject === handle) return;
    this.#mirror.sourceChanged();
    video.srcObject = handle as MediaProvider | null;
  }
}
