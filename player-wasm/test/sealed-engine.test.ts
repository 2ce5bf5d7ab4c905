import { beforeEach, describe, expect, test, vi } from "vitest";
import { type EngineCommand, type EngineReport, type EngineTracks, NO_TRACKS } from "../ts/engine-messages.js";
import { KeyveilError } from "../ts/errors.js";
import { type EngineLink, SealedEngine } from "../ts/page/sealed-engine.js";
import type { EngineListener } from "../ts/page/title.js";
import { FakeCue, FakeVideo } from "./fake-video.js";
import { settle } from "./fakes.js";

class FakeLink implements EngineLink {
  readonly sent: EngineCommand[] = [];
  listener: EngineListener | null = null;

  /** As a worker would get it. */
  send(command: EngineCommand): void {
    this.sent.push(structuredClone(command));
  }

  followEngine(listener: EngineListener | null): void {
    this.listener = listener;
  }

  report(report: EngineReport): void {
    this.listener?.report(report);
  }

  of<T extends EngineCommand["type"]>(type: T) {
    return this.sent.filter((command) => command.type === type) as Extract<EngineCommand, { type: T }>[];
  }
}

const handle = () => ({}) as MediaSourceHandle;
const QUALITY = { id: 0, name: "", width: 640, height: 360, bitrate: 1 };
const audio = (id: number, name: string) => ({ id, name, language: "" });

function started(chosen: EngineTracks | null = null) {
  const link = new FakeLink();
  const video = new FakeVideo();
  const events = {
    ready: vi.fn(),
    tracks: vi.fn(),
    buffered: vi.fn(),
    trouble: vi.fn(),
    lost: vi.fn(),
    failed: vi.fn(),
  };
  const settings = { maxBufferLength: 20 };
  const engine = new SealedEngine({ video: video.element, link, startPosition: 7, settings, chosen }, events);
  engine.start();
  return { engine, link, video, events };
}

/** With a first source that is being played. */
function playing() {
  const all = started();
  const first = handle();
  all.link.report({ type: "media", generation: 1, handle: first });
  all.video.fire("loadstart", "loadedmetadata");
  all.video.readyState = 4;
  all.video.paused = false;
  all.link.sent.length = 0;
  return { ...all, first };
}

beforeEach(() => {
  vi.stubGlobal("VTTCue", FakeCue);
});

describe("a sealed engine's end on the page", () => {
  test("starts the engine with the application's settings and the video as it is", () => {
    const { link, engine } = started();
    expect(engine.hls).toBeNull();
    expect(link.of("engine-start")).toMatchObject([
      {
        startPosition: 7,
        settings: { maxBufferLength: 20 },
        video: { currentTime: 0, paused: true, clientWidth: 320 },
      },
    ]);
  });

  test("gives the video its source, and tells what it does under that source's generation", () => {
    const { link, video } = started();
    const source = handle();
    link.report({ type: "media", generation: 3, handle: source });
    expect(video.srcObject).toBe(source);
    video.fire("loadstart", "loadedmetadata");
    video.currentTime = 1.5;
    video.fire("timeupdate");
    expect(link.of("video").map(({ generation, event }) => [generation, event])).toEqual([
      [3, null],
      [3, "loadstart"],
      [3, "loadedmetadata"],
      [3, "timeupdate"],
    ]);
    expect(link.of("video").at(-1)?.snapshot.currentTime).toBe(1.5);
  });

  test("keeps what the video fires while it loses its source from the engine of the next one", () => {
    const { link, video } = playing();
    link.report({ type: "media", generation: 2, handle: handle() });
    link.sent.length = 0;
    video.fire("emptied", "timeupdate");
    expect(link.of("video")).toEqual([]);
    video.fire("loadstart", "timeupdate");
    expect(link.of("video").map(({ generation, event }) => [generation, event])).toEqual([
      [2, "loadstart"],
      [2, "timeupdate"],
    ]);
  });

  test("keeps the speed with a new source, and leaves playing on to who knows what the viewer wants", () => {
    const { link, video } = playing();
    video.playbackRate = 1.5;
    link.report({ type: "media", generation: 2, handle: null });
    expect([video.srcObject, video.paused]).toEqual([null, true]);
    link.report({ type: "media", generation: 3, handle: handle() });
    expect(video.playbackRate).toBe(1.5);
    expect(video.play).not.toHaveBeenCalled();
  });

  test("leaves a first source at the element's own speed", () => {
    const { link, video } = started();
    video.defaultPlaybackRate = 1.25;
    link.report({ type: "media", generation: 1, handle: handle() });
    expect(video.playbackRate).toBe(1.25);
  });

  test("tells what has changed since the engine made a source", () => {
    const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
    vi.stubGlobal("document", page);
    const { link } = started();
    page.visibilityState = "hidden";
    page.dispatchEvent(new Event("visibilitychange"));
    link.report({ type: "media", generation: 1, handle: handle() });
    vi.unstubAllGlobals();
    expect(link.of("video").map(({ generation, snapshot }) => [generation, snapshot.visible])).toEqual([
      [0, false],
      [1, false],
    ]);
  });

  test("seeks where the engine wants to, unless it means an earlier source", () => {
    const { link, video } = playing();
    link.report({ type: "seek", generation: 0, seconds: 20 });
    expect(video.currentTime).toBe(0);
    link.report({ type: "seek", generation: 1, seconds: 20 });
    expect(video.currentTime).toBe(20);
  });

  test("passes commands on, and what the engine reports", () => {
    const { engine, link, events } = playing();
    engine.resume();
    engine.recoverMedia();
    engine.fail(new KeyveilError("key_not_granted"));
    engine.chooseQuality(2);
    engine.chooseAudioTrack(1);
    expect(link.sent.map(({ type }) => type)).toEqual([
      "engine-resume",
      "engine-recover-media",
      "engine-stop-load",
      "engine-quality",
      "engine-audio-track",
    ]);
    expect([engine.tracks.quality, engine.tracks.audioTrack]).toEqual([2, 1]);
    link.report({ type: "engine-ready" });
    link.report({ type: "buffered" });
    link.report({ type: "tracks", tracks: { ...NO_TRACKS, qualities: [QUALITY] } });
    expect([events.ready, events.buffered, events.tracks].map((fn) => fn.mock.calls.length)).toEqual([1, 1, 1]);
    expect(engine.tracks.qualities).toEqual([QUALITY]);
    const refusal = new KeyveilError("session_expired", undefined, { status: 401 }).toWire();
    link.report({ type: "engine-error", failure: { kind: "network", status: 401, refusal, cause: "refused" } });
    const [trouble] = events.trouble.mock.calls[0] ?? [];
    expect(trouble).toMatchObject({ kind: "network", status: 401, refusal: { code: "session_expired" } });
    expect(trouble.refusal).toBeInstanceOf(KeyveilError);
    link.listener?.lost(new KeyveilError("worker_crashed"));
    expect(events.lost).toHaveBeenCalledOnce();
  });

  test("says that the browser does not take the source, and leaves what fails later to the engine", () => {
    const refused = started();
    refused.link.report({ type: "media", generation: 1, handle: handle() });
    refused.video.fire("loadstart", "error");
    expect(refused.events.failed.mock.calls).toMatchObject([[{ code: "source_not_opened" }]]);
    const later = started();
    later.link.report({ type: "media", generation: 1, handle: handle() });
    later.link.report({ type: "loaded", rendition: 0, segment: 0, bytes: 1, fetchMs: 1, decryptMs: 1 });
    later.video.fire("loadstart", "error");
    expect(later.events.failed).not.toHaveBeenCalled();
    expect(later.link.of("video").map(({ event }) => event)).toEqual([null, "loadstart", "error"]);
  });

  test("has a source with clear media, too, or with such that hls.js decrypts", () => {
    const shows: ((all: ReturnType<typeof started>) => void)[] = [
      ({ link }) => link.report({ type: "buffered" }),
      ({ video }) => video.fire("loadedmetadata"),
    ];
    for (const show of shows) {
      const all = started();
      all.link.report({ type: "media", generation: 1, handle: handle() });
      all.video.fire("loadstart");
      show(all);
      all.video.fire("error");
      expect(all.events.failed).not.toHaveBeenCalled();
    }
    const other = started();
    other.video.fire("loadedmetadata");
    other.link.report({ type: "media", generation: 1, handle: handle() });
    other.video.fire("loadstart", "error");
    expect(other.events.failed).toHaveBeenCalledOnce();
  });

  test("makes captions of lines, and tells the engine what the viewer chose", async () => {
    const { link, video } = playing();
    const subtitleTracks = [audio(0, "English")];
    link.report({ type: "tracks", tracks: { ...NO_TRACKS, subtitleTracks } });
    const layout = { line: "auto", position: "auto", size: 100, align: "center", vertical: "" } as const;
    const line = { id: "1", startTime: 0, endTime: 1, text: "Hello", snapToLines: true, ...layout };
    link.report({ type: "cues", track: 0, cues: [line] });
    const [node] = video.tracks;
    expect(node?.track.cues.map(({ text }) => text)).toEqual(["Hello"]);
    if (node) node.track.mode = "showing";
    await settle();
    expect(link.of("engine-subtitle-track").map(({ id }) => id)).toEqual([0]);
  });

  test("takes the source away at once when it is detached, and all it made when it is destroyed", () => {
    const { engine, link, video } = playing();
    link.report({ type: "tracks", tracks: { ...NO_TRACKS, subtitleTracks: [audio(0, "English")] } });
    engine.detach();
    expect([video.srcObject, link.of("engine-detach").length]).toEqual([null, 1]);
    engine.destroy();
    expect([link.of("engine-stop").length, link.listener, video.tracks]).toEqual([1, null, []]);
    link.sent.length = 0;
    video.fire("loadstart", "timeupdate");
    expect(link.sent).toEqual([]);
  });

  test("chooses again what the engine before it had chosen, once", async () => {
    const chosen = { ...NO_TRACKS, quality: 1, audioTrack: 1, subtitleTrack: 0 };
    const { link } = started(chosen);
    const qualities = [QUALITY, { ...QUALITY, id: 1 }];
    const tracks = { ...NO_TRACKS, qualities };
    link.report({ type: "tracks", tracks });
    const [audioTracks, subtitleTracks] = [[audio(0, "a"), audio(1, "b")], [audio(0, "English")]];
    link.report({ type: "tracks", tracks: { ...tracks, audioTracks, subtitleTracks } });
    link.report({ type: "tracks", tracks: { ...tracks, audioTracks, subtitleTracks, audioTrack: 0 } });
    await settle();
    expect(link.of("engine-quality").map(({ id }) => id)).toEqual([1]);
    expect(link.of("engine-audio-track").map(({ id }) => id)).toEqual([1]);
    expect(link.of("engine-subtitle-track").map(({ id }) => id)).toEqual([0]);
  });
});
