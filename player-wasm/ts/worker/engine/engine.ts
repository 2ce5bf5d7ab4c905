/** hls.js in this worker, driven by the page's commands (docs/LEVELS.md). Its own retries are its own; what it gives up is the page's to decide. */
import Hls, { type HlsConfig } from "hls.js";
import { type EngineCommand, type EngineTrack, type EngineTracks, NO_TRACKS } from "../../engine-messages.js";
import { KeyveilError } from "../../errors.js";
import { failureOf } from "../../hls/failure.js";
import { leaveOut } from "../../hls/left-out.js";
import { createLoaders, createStandardLoaders } from "../../hls/loaders.js";
import { HLS_DEFAULTS } from "../../hls/settings.js";
import { watchSource } from "../../hls/source-watch.js";
import { followTracks, isChoice, tracksOf } from "../../hls/tracks.js";
import { captionCues, EMBEDDED_ID, embeddedTrack, trackOfCues } from "./captions.js";
import { installGlobals, type Scope } from "./globals.js";
import { engineSettings } from "./settings.js";
import { type Report, VideoShim } from "./video-shim.js";
import type { WorkerTitle } from "./worker-title.js";

type Start = Extract<EngineCommand, { type: "engine-start" }>;
export type MakeHls = (config: Partial<HlsConfig>) => Hls;

export class SealedEngine {
  readonly #title: WorkerTitle;
  readonly #report: Report;
  readonly #makeHls: MakeHls;
  readonly #scope: Scope;
  #hls: Hls | null = null;
  #video: VideoShim | null = null;
  #embedded: readonly EngineTrack[] = [];
  #embeddedTrack = -1;
  #tracks: EngineTracks = NO_TRACKS;

  constructor(
    title: WorkerTitle,
    report: Report,
    makeHls: MakeHls = (config) => new Hls(config),
    scope: Scope = globalThis as unknown as Scope,
  ) {
    this.#title = title;
    this.#report = report;
    this.#makeHls = makeHls;
    this.#scope = scope;
  }

  /** What comes before there is an hls.js, or after, finds nothing to do. */
  obey(command: EngineCommand): void {
    const hls = this.#hls;
    switch (command.type) {
      case "engine-start":
        this.#start(command);
        break;
      case "video":
        // What hls.js multiplies the video's size with.
        this.#scope.devicePixelRatio = command.snapshot.pixelRatio;
        this.#video?.receive(command);
        break;
      case "engine-resume":
        if (hls?.levels.length === 0) hls.loadSource(this.#title.playlistUrl);
        else hls?.startLoad();
        break;
      case "engine-stop-load":
        hls?.stopLoad();
        break;
      case "engine-recover-media":
        hls?.recoverMediaError();
        break;
      case "engine-detach":
        hls?.detachMedia();
        break;
      case "reopened":
        this.#title.reopened(command.id, command.error);
        break;
      case "engine-stop":
        this.#stop();
        break;
      default:
        if (hls) this.#choose(hls, command);
    }
  }

  #start({ startPosition, settings, video: snapshot }: Start): void {
    // Takes the source away, which counts.
    this.#stop();
    // A page that starts another one goes on counting sources where the last one stopped.
    const generation = this.#video?.generation ?? 0;
    const sources = installGlobals(this.#scope, VideoShim);
    this.#scope.devicePixelRatio = snapshot.pixelRatio;
    const video = new VideoShim(this.#report, sources, snapshot, generation);
    this.#video = video;
    this.#title.followPosition(() => positionMs(video, startPosition));
    try {
      const hls = this.#makeHls(this.#config(startPosition, settings));
      this.#hls = hls;
      this.#listen(hls);
      this.#title.followLimits((playback) => leaveOut(hls, playback));
      watchSource(
        hls,
        () => video.visible,
        () => this.#title.report(new KeyveilError("source_not_opened")),
      );
      hls.attachMedia(video as unknown as HTMLVideoElement);
      hls.loadSource(this.#title.playlistUrl);
    } catch (thrown) {
      this.#stop();
      this.#report({
        type: "engine-error",
        failure: { kind: "other", status: 0, refusal: null, cause: String(thrown) },
      });
    }
  }

  #config(startPosition: number, settings: Start["settings"]): Partial<HlsConfig> {
    const isStandard = this.#title.playback.title.mode === "standard";
    return {
      ...HLS_DEFAULTS,
      startPosition,
      ...engineSettings(settings, (name) => console.warn(`keyveil: the setting ${name} of hls.js can't be sealed`)),
      ...(isStandard ? createStandardLoaders : createLoaders)(this.#title),
    };
  }

  #listen(hls: Hls): void {
    const { Events } = Hls;
    hls.on(Events.ERROR, (_event, data) => {
      if (!data.fatal) return;
      const { kind, status, refusal, cause } = failureOf(data);
      const failure = { kind, status, refusal: refusal?.toWire() ?? null, cause: String(cause) };
      this.#report({ type: "engine-error", failure });
    });
    hls.on(Events.MANIFEST_PARSED, () => {
      this.#tellTracks();
      this.#report({ type: "engine-ready" });
    });
    hls.on(Events.FRAG_BUFFERED, () => this.#report({ type: "buffered" }));
    hls.on(Events.NON_NATIVE_TEXT_TRACKS_FOUND, (_event, { tracks }) => {
      const found = tracks.flatMap((track) => embeddedTrack(track) ?? []);
      const kept = this.#embedded.filter(({ id }) => !found.some((track) => track.id === id));
      this.#embedded = [...kept, ...found];
      this.#tellTracks();
    });
    hls.on(Events.CUES_PARSED, (_event, data) => {
      const track = trackOfCues(data);
      if (track === null) return;
      for (const cues of captionCues(data.cues)) this.#report({ type: "cues", track, cues });
    });
    followTracks(hls, () => this.#tellTracks());
  }

  #choose(hls: Hls, command: EngineCommand): void {
    const { qualities, audioTracks, subtitleTracks } = tracksOf(hls);
    if (command.type === "engine-quality" && isChoice(qualities, command.id)) hls.nextLevel = command.id;
    if (command.type === "engine-audio-track" && isChoice(audioTracks, command.id)) hls.audioTrack = command.id;
    if (command.type === "engine-subtitle-track" && isChoice([...subtitleTracks, ...this.#embedded], command.id)) {
      const isEmbedded = command.id >= EMBEDDED_ID;
      this.#embeddedTrack = isEmbedded ? command.id : -1;
      hls.subtitleTrack = isEmbedded ? -1 : command.id;
    }
    this.#tellTracks();
  }

  #tellTracks(): void {
    if (!this.#hls) return;
    const own = tracksOf(this.#hls);
    const isEmbedded = own.subtitleTrack < 0 && this.#embedded.some(({ id }) => id === this.#embeddedTrack);
    const tracks = {
      ...own,
      subtitleTracks: [...own.subtitleTracks, ...this.#embedded],
      subtitleTrack: isEmbedded ? this.#embeddedTrack : own.subtitleTrack,
    };
    if (JSON.stringify(tracks) === JSON.stringify(this.#tracks)) return;
    this.#tracks = tracks;
    this.#report({ type: "tracks", tracks });
  }

  #stop(): void {
    this.#hls?.destroy();
    this.#hls = null;
    this.#tracks = NO_TRACKS;
    this.#embedded = [];
    this.#embeddedTrack = -1;
    this.#title.followPosition(null);
    this.#title.followLimits(null);
  }
}

/** Until there is something to play, playback is where it is to begin. */
function positionMs(video: VideoShim, startPosition: number): number {
  const seconds = video.readyState === 0 ? video.currentTime || startPosition : video.currentTime;
  return Math.max(0, seconds * 1000);
}
