import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NO_TRACKS } from "../ts/engine-messages.js";
import { KeyveilError } from "../ts/errors.js";
import { createKeyveil } from "../ts/page/keyveil.js";
import { FakeCue, FakeVideo } from "./fake-video.js";
import { type FakeWorker, playingWorkers, settle } from "./fakes.js";

vi.mock("hls.js", () => {
  throw new Error("A page that plays sealed loads no hls.js");
});

const HANDLE = {} as MediaSourceHandle;
const audio = (id: number, name: string, language: string) => ({ id, name, language });
const TRACKS = {
  ...NO_TRACKS,
  qualities: [{ id: 0, name: "", width: 640, height: 360, bitrate: 1 }],
  currentQuality: 0,
  audioTracks: [audio(0, "English", "en"), audio(1, "", "zh")],
  audioTrack: 0,
};

async function attached(options: object = {}) {
  const { workers, createWorker } = playingWorkers();
  const keyveil = createKeyveil({ server: "http://keys.test", getSignature: () => "psign", createWorker });
  await keyveil.preload();
  const video = new FakeVideo();
  const player = keyveil.attach(video.element, options);
  const told: string[] = [];
  player.on("state", ({ detail }) => told.push(detail.state));
  player.on("error", ({ detail }) => told.push(`${detail.code}${detail.fatal ? ", fatal" : ""}`));
  await settle();
  const worker = (index = 0) => workers[index] as FakeWorker;
  return { keyveil, player, video, workers, worker, told };
}

/** The first engine has its source and plays. */
async function playing(options: object = {}) {
  const all = await attached(options);
  all.worker().send({ type: "media", generation: 1, handle: HANDLE });
  all.worker().send({ type: "tracks", tracks: TRACKS });
  all.worker().send({ type: "engine-ready" });
  await all.player.ready;
  Object.assign(all.video, { readyState: 4, currentTime: 33, paused: false });
  all.video.fire("loadstart", "playing");
  all.told.length = 0;
  return all;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("VTTCue", FakeCue);
  vi.stubGlobal("MediaSource", { canConstructInDedicatedWorker: true });
  vi.stubGlobal("MediaSourceHandle", class {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a sealed player", () => {
  test("marks where the time of its start goes", async () => {
    const marked = vi.spyOn(performance, "mark");
    await playing();
    expect(marked.mock.calls.map(([name]) => name)).toEqual(
      ["worker", "attach", "granted", "playlist"].map((name) => `keyveil:${name}`),
    );
    marked.mockRestore();
  });

  test("plays by the worker that was made ahead, and says what there is to choose from", async () => {
    const { player, video, workers, worker, told } = await attached({ position: 12, hls: { maxBufferLength: 9 } });
    expect([player.level, player.downgrade, player.hls, workers.length]).toEqual(["sealed", null, null, 1]);
    expect(worker().of("engine-start")).toMatchObject([{ startPosition: 12, settings: { maxBufferLength: 9 } }]);
    worker().send({ type: "media", generation: 1, handle: HANDLE });
    worker().send({ type: "tracks", tracks: TRACKS });
    worker().send({ type: "engine-ready" });
    await player.ready;
    expect(video.srcObject).toBe(HANDLE);
    expect(player.qualities.map(({ name }) => name)).toEqual(["360p"]);
    expect(player.currentQuality?.id).toBe(0);
    expect(player.audioTracks).toEqual([
      { id: 0, name: "English", language: "en" },
      { id: 1, name: "zh", language: "zh" },
    ]);
    player.audioTrack = 1;
    player.quality = 0;
    expect([player.audioTrack, player.quality]).toEqual([1, 0]);
    expect(worker().of("engine-audio-track")).toHaveLength(1);
    expect(told).toEqual(["loading", "ready"]);
  });

  test("goes on where it was when its worker dies, playing and with what was chosen", async () => {
    const { player, video, workers, worker, told } = await playing();
    player.audioTrack = 1;
    video.playbackRate = 2;
    worker().dispatch("error", { message: "boom" });
    await settle();
    expect(video.srcObject).toBeNull();
    expect(worker(1).of("play")).toMatchObject([{ level: "sealed", positionMs: 33_000 }]);
    expect(worker(1).of("engine-start")).toMatchObject([{ startPosition: 33 }]);
    worker(1).send({ type: "media", generation: 1, handle: HANDLE });
    worker(1).send({ type: "tracks", tracks: TRACKS });
    worker(1).send({ type: "engine-ready" });
    expect(worker(1).of("engine-audio-track")).toMatchObject([{ id: 1 }]);
    expect([video.srcObject, video.play.mock.calls.length, video.playbackRate]).toEqual([HANDLE, 1, 2]);
    video.fire("loadstart", "playing");
    expect(told).toEqual(["buffering", "worker_crashed", "playing"]);
    expect([player.error, workers.length]).toEqual([null, 2]);
  });

  test("stays where it was, paused, when it was paused, also when the next worker dies before it plays", async () => {
    const { player, video, worker, told } = await playing();
    video.paused = true;
    worker().dispatch("error", { message: "boom" });
    await settle();
    await vi.advanceTimersByTimeAsync(61_000);
    worker(1).dispatch("error", { message: "boom" });
    await settle();
    expect(worker(2).of("engine-start")).toMatchObject([{ startPosition: 33 }]);
    worker(2).send({ type: "media", generation: 1, handle: HANDLE });
    worker(2).send({ type: "engine-ready" });
    expect(video.play).not.toHaveBeenCalled();
    expect([player.error, told.filter((one) => one.includes("fatal"))]).toEqual([null, []]);
  });

  test("goes on where and as its viewer wants to, who seeks and pauses while it has no worker", async () => {
    const { player, video, worker } = await playing();
    worker().dispatch("error", { message: "boom" });
    expect([video.srcObject, player.state]).toEqual([null, "buffering"]);
    video.currentTime = 50;
    video.fire("play", "pause");
    await settle();
    expect(worker(1).of("engine-start")).toMatchObject([{ startPosition: 50 }]);
    worker(1).send({ type: "media", generation: 1, handle: HANDLE });
    worker(1).send({ type: "engine-ready" });
    expect(video.play).not.toHaveBeenCalled();
    expect(player.state).toBe("paused");
  });

  test("plays on where it was to play, also when the next worker dies before it does", async () => {
    const { video, worker } = await playing();
    worker().dispatch("error", { message: "boom" });
    await settle();
    await vi.advanceTimersByTimeAsync(61_000);
    worker(1).dispatch("error", { message: "boom" });
    await settle();
    worker(2).send({ type: "engine-ready" });
    expect(video.play).toHaveBeenCalledOnce();
  });

  test("gives up when a worker dies again within a minute", async () => {
    const { player, workers, worker, told } = await playing();
    worker().dispatch("error", { message: "boom" });
    await settle();
    worker(1).dispatch("error", { message: "boom" });
    await settle();
    expect([player.state, player.error?.code, workers.length]).toEqual(["error", "worker_crashed", 2]);
    expect(told.at(-1)).toBe("worker_crashed, fatal");
  });

  test("recovers as at every level", async () => {
    const { worker, told } = await playing();
    const failure = { kind: "network", status: 503, refusal: null, cause: "no answer" } as const;
    worker().send({ type: "engine-error", failure });
    await vi.advanceTimersByTimeAsync(900);
    expect(worker().of("engine-resume")).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(worker().of("engine-resume")).toHaveLength(1);
    worker().send({ type: "engine-error", failure: { ...failure, kind: "media" } });
    expect(worker().of("engine-recover-media")).toHaveLength(1);
    worker().send({ type: "report", error: new KeyveilError("key_not_granted").toWire() });
    expect(told).toEqual(["network", "error", "key_not_granted, fatal"]);
    expect(worker().of("engine-stop-load")).toHaveLength(1);
  });

  test("takes the picture away at once when it may not be shown, and ends its worker when it is destroyed", async () => {
    const { player, video, worker } = await playing();
    player.fail(new KeyveilError("watermark_removed"));
    expect([video.srcObject, video.paused, worker().of("engine-detach").length]).toEqual([null, true, 1]);
    player.destroy();
    expect([player.state, worker().terminated, worker().of("engine-stop").length]).toEqual(["destroyed", true, 1]);
  });
});
