import Hls, { type HlsConfig } from "hls.js";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { EngineCommand, EngineReport } from "../ts/engine-messages.js";
import { KeyveilError } from "../ts/errors.js";
import { SealedEngine } from "../ts/worker/engine/engine.js";
import type { Scope } from "../ts/worker/engine/globals.js";
import { VideoShim } from "../ts/worker/engine/video-shim.js";
import { WorkerTitle } from "../ts/worker/engine/worker-title.js";
import { FakeMediaSource, START, snapshot } from "./engine-fakes.js";
import { playback, playlistUrl, session } from "./fakes.js";

const { Events, ErrorTypes, ErrorDetails } = Hls;
const LEVELS = [{ name: "360p", width: 640, height: 360, bitrate: 800_000 }];

/** What the engine uses of hls.js. */
class FakeHls {
  readonly config: Partial<HlsConfig>;
  readonly called: unknown[][] = [];
  levels: object[] = [];
  manualLevel = -1;
  currentLevel = -1;
  audioTracks: object[] = [];
  audioTrack = -1;
  subtitleTracks: object[] = [];
  subtitleTrack = -1;
  media: VideoShim | null = null;
  readonly #listeners = new Map<string, ((event: string, data: unknown) => void)[]>();

  constructor(config: Partial<HlsConfig>) {
    this.config = config;
  }

  on(event: string, listener: (event: string, data: unknown) => void) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  fire(event: string, data: unknown = {}) {
    for (const listener of this.#listeners.get(event) ?? []) listener(event, data);
  }

  set nextLevel(id: number) {
    this.manualLevel = id;
  }

  attachMedia(media: VideoShim) {
    this.media = media;
    this.called.push(["attachMedia"]);
  }

  loadSource = (url: string) => this.called.push(["loadSource", url]);
  startLoad = () => this.called.push(["startLoad"]);
  stopLoad = () => this.called.push(["stopLoad"]);
  recoverMediaError = () => this.called.push(["recoverMediaError"]);
  detachMedia = () => this.called.push(["detachMedia"]);
  removeLevel = (id: number) => this.called.push(["removeLevel", id]);
  destroy = () => {
    this.called.push(["destroy"]);
    this.media?.removeAttribute("src");
  };
}

function sealed(makeHls?: (config: Partial<HlsConfig>) => Hls) {
  const reports: EngineReport[] = [];
  const made: FakeHls[] = [];
  const asked: number[] = [];
  const URL = { createObjectURL: () => "blob:", revokeObjectURL: () => undefined };
  const scope: Scope = { URL, MediaSource: FakeMediaSource as unknown as typeof MediaSource };
  const segments = {
    load: async ({ positionMs }: { positionMs: number }) => {
      asked.push(positionMs);
      throw new KeyveilError("network");
    },
  };
  const report = (message: EngineReport) => {
    reports.push(message);
  };
  const title = new WorkerTitle(segments, report, vi.fn());
  title.played(playback());
  const fake = (config: Partial<HlsConfig>) => {
    const hls = new FakeHls(config);
    made.push(hls);
    return hls as unknown as Hls;
  };
  const engine = new SealedEngine(title, report, makeHls ?? fake, scope);
  const start = (changes: Partial<typeof START> = {}) => {
    engine.obey({ ...START, ...changes });
    return made.at(-1) as FakeHls;
  };
  const of = <T extends EngineReport["type"]>(type: T) =>
    reports.filter((message) => message.type === type) as Extract<EngineReport, { type: T }>[];
  const positionOf = async () => {
    const request = { url: "http://m/s", reference: "x", positionMs: 0 };
    await title.load(request, new AbortController().signal, () => undefined).catch(() => undefined);
    return asked.at(-1);
  };
  return { engine, title, start, made, reports, of, scope, positionOf };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a sealed engine", () => {
  test("makes hls.js with the title's loaders, the page's settings and those that are forced, and loads", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { start, scope } = sealed();
    const { config, called, media } = start({
      startPosition: 12,
      settings: { maxBufferLength: 9, workerPath: "w.js" },
    });
    expect(config).toMatchObject({
      startPosition: 12,
      backBufferLength: 30,
      maxMaxBufferLength: 60,
      maxBufferLength: 9,
      enableWorker: false,
      workerPath: null,
      renderTextTracksNatively: false,
      emeEnabled: false,
      enableInterstitialPlayback: false,
    });
    expect([config.pLoader, config.fLoader].map((loader) => typeof loader)).toEqual(["function", "function"]);
    expect(config.loader, "only standard titles' keys go through a loader of their own").toBeUndefined();
    expect(called).toEqual([["attachMedia"], ["loadSource", playlistUrl("one")]]);
    expect(media).toBeInstanceOf(VideoShim);
    expect([scope.HTMLVideoElement, scope.devicePixelRatio]).toEqual([VideoShim, 2]);
    expect(start({ settings: { maxMaxBufferLength: 90 } }).config.maxMaxBufferLength, "the page's own").toBe(90);
    expect(warned).toHaveBeenCalledOnce();
  });

  test("gives a standard title's keys a loader, too", () => {
    const { title, start } = sealed();
    title.played(playback({ title: { ...playback().title, mode: "standard" } }));
    expect(start().config.loader).toBeTypeOf("function");
  });

  test("does what the page says", () => {
    const { engine, title, start } = sealed();
    const hls = start();
    hls.called.length = 0;
    title.renewed({ session: session(), playlistUrl: playlistUrl("two"), maxTrack: null });
    engine.obey({ type: "engine-resume" });
    hls.levels = LEVELS;
    const commands = [
      "engine-resume",
      "engine-stop-load",
      "engine-recover-media",
      "engine-detach",
      "engine-stop",
    ] as const;
    for (const type of commands) engine.obey({ type });
    expect(hls.called).toEqual([
      ["loadSource", playlistUrl("two")],
      ["startLoad"],
      ["stopLoad"],
      ["recoverMediaError"],
      ["detachMedia"],
      ["destroy"],
    ]);
    engine.obey({ type: "engine-recover-media" });
    expect(hls.called, "nothing is left to be told").toHaveLength(6);
  });

  test("tells what can be chosen whenever that changes, and chooses it", () => {
    const { engine, start, of } = sealed();
    const hls = start();
    hls.levels = LEVELS;
    hls.audioTracks = [{ name: "Deutsch", lang: "de", default: true }];
    hls.subtitleTracks = [{ name: "English", default: false }];
    hls.fire(Events.MANIFEST_PARSED);
    hls.fire(Events.LEVELS_UPDATED);
    expect(of("engine-ready")).toHaveLength(1);
    expect(of("tracks").map(({ tracks }) => tracks)).toEqual([
      {
        qualities: [{ id: 0, ...LEVELS[0] }],
        quality: -1,
        currentQuality: -1,
        audioTracks: [{ id: 0, name: "Deutsch", language: "de" }],
        audioTrack: -1,
        subtitleTracks: [{ id: 0, name: "English", language: "" }],
        subtitleTrack: -1,
      },
    ]);
    engine.obey({ type: "engine-quality", id: 0 });
    engine.obey({ type: "engine-audio-track", id: 0 });
    engine.obey({ type: "engine-subtitle-track", id: 0 });
    expect([hls.manualLevel, hls.audioTrack, hls.subtitleTrack]).toEqual([0, 0, 0]);
    expect(of("tracks").at(-1)?.tracks).toMatchObject({ quality: 0, audioTrack: 0, subtitleTrack: 0 });
    // hls.js throws at what it does not have.
    for (const id of [1, 1e9, 0.5, Number.NaN, "__proto__" as unknown as number]) {
      for (const type of ["engine-quality", "engine-audio-track", "engine-subtitle-track"] as const)
        engine.obey({ type, id });
    }
    expect([hls.manualLevel, hls.audioTrack, hls.subtitleTrack]).toEqual([0, 0, 0]);
    engine.obey({ type: "engine-quality", id: -1 });
    expect(hls.manualLevel).toBe(-1);
  });

  test("hands out captions' lines, of tracks and of the picture's own data", () => {
    const { engine, start, of } = sealed();
    const hls = start();
    hls.subtitleTracks = [{ name: "English", default: true }];
    const cue = { id: "c", startTime: 1, endTime: 2, text: "Hi", line: -1, position: 50, size: 100, align: "middle" };
    hls.fire(Events.CUES_PARSED, { type: "subtitles", track: "default", subtitleTrack: { id: 0 }, cues: [cue] });
    const embedded = [{ _id: "textTrack1", label: "English CC", kind: "captions", default: false }];
    hls.fire(Events.NON_NATIVE_TEXT_TRACKS_FOUND, { tracks: [...embedded, { label: "English", kind: "subtitles" }] });
    hls.fire(Events.CUES_PARSED, {
      type: "captions",
      track: "textTrack1",
      cues: [{ ...cue, vertical: "rl", line: "auto" }],
    });
    hls.fire(Events.CUES_PARSED, { type: "captions", track: "surprise", cues: [cue] });
    const line = { ...cue, align: "center", vertical: "", snapToLines: true };
    expect(of("cues")).toEqual([
      { type: "cues", track: 0, cues: [line] },
      { type: "cues", track: 1001, cues: [{ ...line, vertical: "rl", line: "auto" }] },
    ]);
    expect(
      of("tracks")
        .at(-1)
        ?.tracks.subtitleTracks.map(({ id }) => id),
    ).toEqual([0, 1001]);
    engine.obey({ type: "engine-subtitle-track", id: 1001 });
    expect([hls.subtitleTrack, of("tracks").at(-1)?.tracks.subtitleTrack]).toEqual([-1, 1001]);
    hls.subtitleTrack = 0;
    hls.fire(Events.SUBTITLE_TRACK_SWITCH);
    expect(of("tracks").at(-1)?.tracks.subtitleTrack).toBe(0);
  });

  test("splits a long file of captions", () => {
    const { start, of } = sealed();
    const cues = Array.from({ length: 2_500 }, (_, i) => ({ id: `${i}`, startTime: i, endTime: i + 1, text: "x" }));
    start().fire(Events.CUES_PARSED, { type: "subtitles", track: "default", subtitleTrack: { id: 0 }, cues });
    expect(of("cues").map((report) => report.cues.length)).toEqual([1_000, 1_000, 500]);
  });

  test("tells that a segment is in the buffer", () => {
    const { start, of } = sealed();
    start().fire(Events.FRAG_BUFFERED);
    expect(of("buffered")).toHaveLength(1);
  });

  test("tells what hls.js has given up, and nothing of what it tries again", () => {
    const { start, of } = sealed();
    const hls = start();
    const error = new Error("gone");
    const network = { type: ErrorTypes.NETWORK_ERROR, details: ErrorDetails.MANIFEST_LOAD_ERROR, error };
    const body = JSON.stringify({ error: { code: "session_expired", message: "m", requestId: "r" } });
    const refused = { ...network, response: { code: 401 }, networkDetails: { response: body } };
    hls.fire(Events.ERROR, { ...refused, fatal: false });
    expect(of("engine-error")).toEqual([]);
    hls.fire(Events.ERROR, { ...refused, fatal: true });
    hls.fire(Events.ERROR, {
      ...network,
      networkDetails: { response: new TextEncoder().encode(body).buffer },
      fatal: true,
    });
    hls.fire(Events.ERROR, {
      ...network,
      response: { code: 502 },
      networkDetails: { response: "<html>" },
      fatal: true,
    });
    hls.fire(Events.ERROR, {
      type: ErrorTypes.MEDIA_ERROR,
      details: ErrorDetails.BUFFER_APPEND_ERROR,
      error,
      fatal: true,
    });
    hls.fire(Events.ERROR, { type: ErrorTypes.MUX_ERROR, details: ErrorDetails.REMUX_ALLOC_ERROR, fatal: true });
    expect(of("engine-error").map(({ failure: { kind, status, refusal } }) => [kind, status, refusal?.code])).toEqual([
      ["network", 401, "session_expired"],
      ["network", 0, "session_expired"],
      ["network", 502, undefined],
      ["media", 0, undefined],
      ["other", 0, undefined],
    ]);
    expect(of("engine-error").map(({ failure }) => failure.cause)).toContain("Error: gone");
  });

  test("tells that hls.js could not be made", () => {
    const { start, of, made } = sealed(() => {
      throw new Error("contradicting settings");
    });
    start();
    expect(made).toEqual([]);
    expect(of("engine-error")).toMatchObject([{ failure: { kind: "other", cause: "Error: contradicting settings" } }]);
  });

  test("tells the server where playback is, and where it is to begin", async () => {
    const { engine, start, positionOf } = sealed();
    start({ startPosition: 12 });
    expect(await positionOf()).toBe(12_000);
    const video: EngineCommand = {
      type: "video",
      generation: 0,
      event: null,
      snapshot: snapshot({ readyState: 4, currentTime: 15 }),
    };
    engine.obey(video);
    expect(await positionOf()).toBe(15_000);
    engine.obey({ type: "engine-stop" });
    expect(await positionOf(), "the segment's own time").toBe(0);
  });

  test("leaves out what a renewal gives no keys for, as long as it plays", () => {
    const { engine, title, start } = sealed();
    title.played(playback({ trackClasses: ["AUDIO", "SD", "UHD"], maxTrack: "UHD" }));
    const hls = start();
    hls.levels = ["v360p", "v2160p"].map((name) => ({ uri: `http://m/${name}/playlist.m3u8` }));
    hls.called.length = 0;
    const renewal = { session: session(), playlistUrl: playlistUrl("two") };
    title.renewed({ ...renewal, maxTrack: "UHD" });
    expect(hls.called).toEqual([]);
    title.renewed({ ...renewal, maxTrack: "SD" });
    expect(hls.called).toEqual([["stopLoad"], ["removeLevel", 1]]);
    hls.called.length = 0;
    title.played(playback({ trackClasses: ["AUDIO", "SD"] }));
    expect(hls.called, "a new session may allow less, too").toEqual([["stopLoad"], ["removeLevel", 1]]);
    engine.obey({ type: "engine-stop" });
    hls.called.length = 0;
    title.renewed({ ...renewal, maxTrack: "SD" });
    expect(hls.called).toEqual([]);
  });

  test("counts sources on when it is started again", () => {
    const { engine, start, of, scope } = sealed();
    const give = (hls: FakeHls) => {
      if (hls.media) hls.media.src = scope.URL.createObjectURL(new FakeMediaSource() as unknown as MediaSource);
    };
    give(start());
    engine.obey({ type: "engine-stop" });
    give(start());
    give(start());
    const reported = of("media").map(({ generation, handle }) => [generation, handle !== null]);
    expect(reported).toEqual([
      [1, true],
      [2, false],
      [3, true],
      [4, false],
      [5, true],
    ]);
  });

  test("finds nothing to do before it is started", () => {
    const { engine, reports } = sealed();
    for (const type of ["engine-resume", "engine-recover-media", "engine-stop"] as const) engine.obey({ type });
    engine.obey({ type: "engine-quality", id: 0 });
    expect(reports).toEqual([]);
  });
});
