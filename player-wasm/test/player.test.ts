import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { KeyveilEventTarget } from "../ts/events.js";
import { KeyveilPlayer } from "../ts/page/player.js";
import type { KeyveilTitle } from "../ts/page/title.js";
import type { Playback, Preview, ResolutionName } from "../ts/protocol.js";
import { playback } from "./fakes.js";

/** hls.js as far as the player uses it. */
const { FakeHls } = vi.hoisted(() => {
  type Handler = (event: string, data: object) => void;
  class FakeHls {
    static readonly Events = {
      ERROR: "error",
      MANIFEST_PARSED: "parsed",
      FRAG_BUFFERED: "buffered",
      AUDIO_TRACK_SWITCHING: "switching",
    };
    static readonly DefaultConfig = { loader: class {} };
    static readonly ErrorTypes = { NETWORK_ERROR: "network", MEDIA_ERROR: "media", KEY_SYSTEM_ERROR: "keys" };
    static readonly ErrorDetails = {};
    static last: FakeHls;
    levels: object[] = [{}];
    readonly audioTracks: object[] = [];
    readonly subtitleTracks: object[] = [];
    manualLevel = -1;
    currentLevel = -1;
    readonly calls: string[] = [];
    readonly #handlers = new Map<string, Handler>();

    constructor(readonly config: { startPosition?: number }) {
      FakeHls.last = this;
    }

    static isSupported(): boolean {
      return true;
    }

    on(event: string, handler: Handler): void {
      this.#handlers.set(event, handler);
    }

    trigger(event: string, data: object = {}): void {
      this.#handlers.get(event)?.(event, data);
    }

    attachMedia(): void {}

    removeLevel(id: number): void {
      this.calls.push(`removeLevel ${id}`);
    }

    detachMedia(): void {
      this.calls.push("detachMedia");
    }

    loadSource(): void {}

    startLoad(): void {
      this.calls.push("startLoad");
    }

    stopLoad(): void {
      this.calls.push("stopLoad");
    }
  }
  return { FakeHls };
});
vi.mock("hls.js", () => ({ default: FakeHls }));

class FakeTitle extends KeyveilEventTarget {
  readonly playlistUrl = "http://media.test/master.m3u8";
  readonly opened = true;
  readonly info = { mode: "private" };
  readonly playback = { preview: null as Preview | null, resolutionNames: [] as ResolutionName[] };
  reopened = 0;

  async reopen(): Promise<void> {
    this.reopened += 1;
  }

  async start(): Promise<void> {}

  followPosition(): void {}

  limits: ((playback: Playback) => void) | null = null;

  followLimits(limits: (playback: Playback) => void): void {
    this.limits = limits;
  }

  fail(error: KeyveilError): void {
    this.emit("error", error);
  }
}

class FakeVideo extends EventTarget {
  paused = false;
  ended = false;

  pause(): void {
    this.paused = true;
  }
}

async function playing({ preview = null as Preview | null, position = -1 } = {}) {
  const title = new FakeTitle();
  title.playback.preview = preview;
  const hooks = { open: () => title as unknown as KeyveilTitle, closed: () => undefined };
  const video = new FakeVideo();
  const player = new KeyveilPlayer(video as unknown as HTMLVideoElement, { position }, hooks);
  await player.start();
  const events: string[] = [];
  for (const type of ["previewend", "ended"] as const) player.on(type, () => events.push(type));
  return { player, title, video, events, hls: FakeHls.last };
}

const refused = (status: number, code: string) => ({
  fatal: true,
  type: "network",
  error: new Error("refused"),
  response: { code: status },
  networkDetails: { response: new TextEncoder().encode(JSON.stringify({ error: { code, requestId: "r1" } })).buffer },
});

const NO_ANSWER = { fatal: true, type: "network", error: new Error("timeout") };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a network error is tried again after a while", async () => {
  const { hls } = await playing();
  hls.trigger("error", NO_ANSWER);
  await vi.advanceTimersByTimeAsync(900);
  expect(hls.calls).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(hls.calls).toEqual(["startLoad"]);
});

test("the worker starts before the engine is there, and asks for nothing where there is none", async () => {
  const steps: string[] = [];
  const title = new FakeTitle();
  title.start = async () => void steps.push("asked");
  const hooks = {
    open: () => {
      steps.push("worker");
      return title as unknown as KeyveilTitle;
    },
    closed: () => undefined,
  };
  const start = () => new KeyveilPlayer(new FakeVideo() as unknown as HTMLVideoElement, {}, hooks).start();
  const isSupported = vi.spyOn(FakeHls, "isSupported").mockImplementation(() => {
    steps.push("engine");
    return true;
  });
  await start();
  expect(steps.splice(0), "the control").toEqual(["worker", "engine", "asked"]);
  isSupported.mockReturnValue(false);
  await start();
  expect(steps).toEqual(["worker"]);
  isSupported.mockRestore();
});

test("nothing is loaded any more once playback has failed, also when a retry was waiting", async () => {
  const { player, title, hls } = await playing();
  hls.trigger("error", NO_ANSWER);
  await vi.advanceTimersByTimeAsync(500);
  title.fail(new KeyveilError("key_not_granted"));
  expect(player.state).toBe("error");
  await vi.advanceTimersByTimeAsync(20_000);
  expect(hls.calls).toEqual(["stopLoad"]);
});

test("once playback has failed, nothing that follows is told", async () => {
  const { player, title } = await playing();
  const told: string[] = [];
  player.on("error", ({ detail }) => told.push(`${detail.code} ${detail.fatal}`));
  const passing = () => title.fail(new KeyveilError("media_error", undefined, { fatal: false }));
  passing();
  player.fail(new KeyveilError("watermark_removed"));
  passing();
  expect(told).toEqual(["media_error false", "watermark_removed true"]);
});

test("the end of a preview is told, and that of a whole title is not one", async () => {
  const preview = { segments: 5, endMs: 10_000 };
  const { events, video } = await playing({ preview });
  video.dispatchEvent(new Event("ended"));
  expect(events).toEqual(["previewend", "ended"]);
  const whole = await playing();
  whole.video.dispatchEvent(new Event("ended"));
  expect(whole.events).toEqual(["ended"]);
});

test("playback never starts behind a preview's end", async () => {
  const preview = { segments: 5, endMs: 10_000 };
  expect((await playing({ preview, position: 7 })).hls.config.startPosition).toBe(7);
  expect((await playing({ preview, position: 700 })).hls.config.startPosition).toBe(9);
  expect((await playing({ position: 700 })).hls.config.startPosition).toBe(700);
});

test("a refusal that hls.js got is told by its code", async () => {
  const { player, title, hls } = await playing();
  hls.trigger("error", refused(401, "session_superseded"));
  expect([player.state, player.error?.code, player.error?.requestId]).toEqual(["error", "session_superseded", "r1"]);
  expect(title.reopened).toBe(0);
});

test("a session that ended is replaced, and a server that is asked too often is asked again later", async () => {
  const { player, title, hls } = await playing();
  hls.trigger("error", refused(401, "session_expired"));
  await vi.advanceTimersByTimeAsync(1_100);
  expect([title.reopened, hls.calls]).toEqual([1, ["startLoad"]]);
  hls.trigger("error", refused(429, "rate_limited"));
  await vi.advanceTimersByTimeAsync(2_100);
  expect([title.reopened, hls.calls, player.state]).toEqual([1, ["startLoad", "startLoad"], "loading"]);
});

test("a page's own reason to stop pauses the video", async () => {
  const { player, video, hls } = await playing();
  player.fail(new KeyveilError("watermark_removed"));
  expect([player.error?.code, player.error?.type, video.paused]).toEqual(["watermark_removed", "environment", true]);
  expect(hls.calls).toEqual(["stopLoad", "detachMedia"]);
});

test("what is buffered plays on after other failures, but never without its watermark", async () => {
  const { player, title, hls } = await playing();
  title.fail(new KeyveilError("key_not_granted"));
  player.fail(new KeyveilError("media_error"));
  expect(hls.calls).toEqual(["stopLoad"]);
  player.fail(new KeyveilError("watermark_removed"));
  expect(player.error?.code).toBe("key_not_granted");
  expect(hls.calls).toEqual(["stopLoad", "detachMedia"]);
});

test("qualities have the names that the signature gives them", async () => {
  const { player, title, hls } = await playing();
  hls.levels = [
    { width: 640, height: 360, bitrate: 1 },
    { width: 1080, height: 1920, bitrate: 2 },
    { width: 854, height: 480, bitrate: 3 },
  ];
  title.playback.resolutionNames.push({ minEdgeLength: 360, name: "Small" }, { minEdgeLength: 1080, name: "Large" });
  expect(player.qualities.map(({ name }) => name)).toEqual(["Small", "Large", "480p"]);
});

test("qualities that a renewal leaves no keys for are left out", async () => {
  const { title, hls } = await playing();
  hls.levels = ["v360p", "v2160p"].map((name) => ({ uri: `http://media.test/${name}/playlist.m3u8` }));
  title.limits?.(playback({ trackClasses: ["AUDIO", "SD", "UHD"] }));
  expect(hls.calls).toEqual([]);
  title.limits?.(playback({ trackClasses: ["AUDIO", "SD"] }));
  expect(hls.calls).toEqual(["stopLoad", "removeLevel 1"]);
});

test("another audio track is told as soon as it is chosen, as at every level", async () => {
  const { player, hls } = await playing();
  const told = vi.fn();
  player.on("tracks", told);
  hls.trigger("switching");
  expect(told).toHaveBeenCalledOnce();
});
