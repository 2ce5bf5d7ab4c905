import type { HlsConfig } from "hls.js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { KEYVEIL_EVENTS } from "../ts/events.js";
import { hlsSettings } from "../ts/hls/settings.js";
import type { ToWorker } from "../ts/messages.js";
import { OWN_HLS } from "../ts/page/level.js";
import { KeyveilTitle, type TitleOptions } from "../ts/page/title.js";
import type { TrackClass } from "../ts/protocol.js";
import { FakeWorker, INIT, playback, playlistUrl, readyOnInit, session, settle } from "./fakes.js";

const REQUEST = { url: "http://media.test/media/one/title-1/v/s0.ts", reference: "title-1/1/0/0/0", positionMs: 0 };
const spritesUrl = (token: string) => `http://media.test/media/${token}/title-1/sprites/sprites.vtt`;
const TIMING = { ttfbMs: 1, fetchMs: 2, decryptMs: 3 };
const never = new AbortController().signal;

type Answers = Partial<Record<ToWorker["type"], (message: never, worker: FakeWorker) => void>>;

const segment = ({ id }: { id: number }, worker: FakeWorker) =>
  worker.send({ type: "segment", id, bytes: new ArrayBuffer(4), status: 200, loadedBytes: 16, timing: TIMING });
const refuse = (code: "session_expired" | "key_not_granted" | "psign_expired") =>
  (({ id }: { id: number }, worker: FakeWorker) =>
    worker.send({ type: "failed", id, error: new KeyveilError(code).toWire() })) as (m: never, w: FakeWorker) => void;

/** A title whose workers answer as told; `workers` are those it started. */
function title(answers: Answers = {}, options: Partial<TitleOptions> = {}) {
  const workers: FakeWorker[] = [];
  const getSignature = vi.fn(async () => `psign-${getSignature.mock.calls.length}`);
  const spawn = () => {
    const worker = new FakeWorker((message, self) => {
      const answer = answers[message.type] as ((message: ToWorker, worker: FakeWorker) => void) | undefined;
      if (answer) answer(message, self);
      else if (message.type === "play") self.send({ type: "played", id: message.id, playback: playback() });
      else if (message.type === "load") segment(message, self);
      else readyOnInit(message, self);
    });
    workers.push(worker);
    return worker;
  };
  const own = { choice: OWN_HLS, hlsSettings };
  const defaults = { spawn, init: INIT, initTimeoutMs: 1_000, getSignature, fileId: "title-1", positionMs: 0, ...own };
  const opened = new KeyveilTitle({ ...defaults, ...options });
  const events: [string, unknown][] = [];
  for (const type of KEYVEIL_EVENTS) opened.on(type, ({ detail }) => events.push([type, detail]));
  const codes = () => events.filter(([type]) => type === "error").map(([, error]) => (error as KeyveilError).code);
  return { title: opened, workers, getSignature, events, codes };
}

const load = (opened: KeyveilTitle) => opened.load(REQUEST, never, () => undefined);
const refusal = (promise: Promise<unknown>): Promise<KeyveilError> =>
  promise.then(
    () => {
      throw new Error("it should be refused");
    },
    (error) => error,
  );

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("an open title", () => {
  test("tells its facts and never a grant", async () => {
    const { title: opened, events, getSignature } = title();
    await opened.start();
    expect(getSignature).toHaveBeenCalledWith({ fileId: "title-1", reason: "start" });
    expect(opened.info.name).toBe("A title");
    expect(opened.playlistUrl).toBe(playlistUrl("one"));
    expect(events.map(([type]) => type)).toEqual(["title", "signature"]);
    expect(JSON.stringify(events)).not.toContain("grant");
    expect(opened.spritesUrl).toBeNull();
  });

  test("lets hls.js play no other title in between, whatever the application set", async () => {
    const { title: opened } = title();
    await opened.start();
    const theirs: Partial<HlsConfig> = { enableInterstitialPlayback: true };
    expect({ ...theirs, ...opened.hlsConfig() }.enableInterstitialPlayback).toBe(false);
  });

  test("denies the playlists whose class the signature does not give", async () => {
    const { title: opened } = title();
    await opened.start();
    expect([...opened.playlistRules().denied]).toEqual(["v2160p/playlist.m3u8"]);
  });

  test("of standard mode denies the playlists above the class that is left to it", async () => {
    const denied = async (maxTrack: TrackClass | null) => {
      const standard = playback({ title: { ...playback().title, mode: "standard" }, trackClasses: [], maxTrack });
      const play = ({ id }: { id: number }, worker: FakeWorker) =>
        worker.send({ type: "played", id, playback: standard });
      const { title: opened } = title({ play });
      await opened.start();
      expect(opened.playlistRules().isPrivate).toBe(false);
      expect("loader" in opened.hlsConfig()).toBe(true);
      return [...opened.playlistRules().denied];
    };
    expect(await denied("HD")).toEqual(["v2160p/playlist.m3u8"]);
    expect(await denied("UHD")).toEqual([]);
    expect(await denied(null)).toEqual([]);
  });

  test("reports each segment it loads", async () => {
    const { title: opened, events } = title();
    await opened.start();
    expect((await load(opened)).bytes.byteLength).toBe(4);
    expect(events.at(-1)).toEqual(["segment", { rendition: 0, segment: 0, bytes: 16, fetchMs: 2, decryptMs: 3 }]);
  });

  test("can't be opened without a signature", async () => {
    const { title: opened, workers } = title({}, { getSignature: () => Promise.reject(new Error("offline")) });
    const error = await refusal(opened.start());
    expect([error.code, error.type, error.fatal]).toEqual(["signature_unavailable", "signature", true]);
    expect(workers[0]?.of("play")).toEqual([]);
  });

  for (const psign of ["", undefined, 7]) {
    test(`takes no ${JSON.stringify(psign)} for a signature`, async () => {
      const { title: opened } = title({}, { getSignature: () => psign as string });
      expect((await refusal(opened.start())).code).toBe("signature_unavailable");
    });
  }

  test("waits for a signature for a limited time", async () => {
    const { title: opened } = title({}, { getSignature: () => new Promise(() => undefined) });
    const started = refusal(opened.start());
    await vi.advanceTimersByTimeAsync(30_001);
    expect((await started).code).toBe("signature_unavailable");
  });
});

describe("a session that is lost", () => {
  test("is replaced once, with a fresh signature, and the segment loads", async () => {
    let refusals = 1;
    const {
      title: opened,
      workers,
      getSignature,
    } = title({
      load: (message, worker) =>
        refusals-- > 0 ? refuse("session_expired")(message, worker) : segment(message, worker),
    });
    await opened.start();
    expect((await load(opened)).bytes.byteLength).toBe(4);
    expect(getSignature).toHaveBeenLastCalledWith({ fileId: "title-1", reason: "refresh" });
    expect(workers).toHaveLength(1);
    expect(workers[0]?.of("play").map(({ psign }) => psign)).toEqual(["psign-1", "psign-2"]);
  });

  test("has its token replaced in all addresses of a standard title, too", async () => {
    const token = (play: number) => `${"A".repeat(22)}-${String(play).repeat(43)}`;
    const address = (play: number) => `${playlistUrl("one")}?Token=${token(play)}`;
    const key = (play: number) => `http://keys.test/v1/hls-keys/title-1/HD/3?Token=${token(play)}`;
    let plays = 0;
    const play = ({ id }: { id: number }, worker: FakeWorker) =>
      worker.send({ type: "played", id, playback: playback({ playlistUrl: address(++plays) }) });
    const { title: opened } = title({ play: play as never });
    await opened.start();
    expect(opened.currentUrl(key(1))).toBe(key(1));
    await opened.reopen(new KeyveilError("session_expired"));
    expect(opened.currentUrl(key(1))).toBe(key(2));
    expect(opened.playlistUrl).toBe(address(2));
  });

  test("is one new session for all segments that wait for it", async () => {
    let refusals = 2;
    const { title: opened, getSignature } = title({
      load: (message, worker) =>
        refusals-- > 0 ? refuse("session_expired")(message, worker) : segment(message, worker),
    });
    await opened.start();
    await Promise.all([load(opened), load(opened)]);
    expect(getSignature).toHaveBeenCalledTimes(2);
  });

  test("is one new session also for a segment whose refusal arrives after it was opened", async () => {
    const held: Array<() => void> = [];
    let refusals = 2;
    const { title: opened, getSignature } = title({
      load: (message, worker) => {
        if (refusals-- <= 0) segment(message, worker);
        else held.push(() => refuse("session_expired")(message, worker));
      },
    });
    await opened.start();
    const [video, audio] = [load(opened), load(opened)];
    await settle();
    held[0]?.();
    expect((await video).bytes.byteLength).toBe(4);
    held[1]?.();
    expect((await audio).bytes.byteLength).toBe(4);
    expect(getSignature).toHaveBeenCalledTimes(2);
  });

  test("is fatal when it is lost again at once", async () => {
    const { title: opened, getSignature } = title({ load: refuse("session_expired") });
    await opened.start();
    expect((await refusal(load(opened))).code).toBe("session_expired");
    const again = await refusal(load(opened));
    expect([again.code, again.fatal]).toEqual(["session_expired", true]);
    expect(getSignature).toHaveBeenCalledTimes(2);
  });

  test("is not replaced for what a new session can't cure", async () => {
    const { title: opened, getSignature } = title({ load: refuse("key_not_granted") });
    await opened.start();
    expect((await refusal(load(opened))).code).toBe("key_not_granted");
    expect(getSignature).toHaveBeenCalledTimes(1);
  });
});

test("a key of a class that a renewal took away is not the end of a title", async () => {
  const { title: opened, workers } = title({
    load: refuse("key_not_granted"),
    play: (({ id }: { id: number }, worker: FakeWorker) =>
      worker.send({ type: "played", id, playback: playback({ trackClasses: ["SD", "UHD"] }) })) as never,
  });
  const high = () =>
    refusal(opened.load({ ...REQUEST, reference: "title-1/3/0/1/0" }, never, () => undefined)).then(
      ({ fatal }) => fatal,
    );
  const limits = vi.fn();
  await opened.start();
  opened.followLimits(limits);
  expect(await high()).toBe(true);
  workers[0]?.send({
    type: "session",
    renewal: { session: session(), playlistUrl: playlistUrl("two"), maxTrack: "SD" },
  });
  expect(await high()).toBe(false);
  expect(limits.mock.calls).toMatchObject([[{ trackClasses: ["SD"], maxTrack: "SD" }]]);
  await opened.reopen(new KeyveilError("session_expired"));
  expect(limits.mock.lastCall).toMatchObject([{ trackClasses: ["SD", "UHD"] }]);
});

describe("a worker that crashes", () => {
  test("is replaced once, with a new session, and the pending segment loads", async () => {
    let crashes = 1;
    const {
      title: opened,
      workers,
      codes,
    } = title({
      load: (message, worker) =>
        crashes-- > 0 ? worker.dispatch("error", { message: "boom" }) : segment(message, worker),
    });
    await opened.start();
    expect((await load(opened)).bytes.byteLength).toBe(4);
    expect(workers.map(({ terminated }) => terminated)).toEqual([true, false]);
    expect(workers[1]?.of("play").map(({ psign }) => psign)).toEqual(["psign-2"]);
    expect(codes()).toEqual(["worker_crashed"]);
  });

  test("is fatal when its successor crashes too", async () => {
    const { title: opened, workers } = title({ load: (_message, worker) => worker.dispatch("error", {}) });
    await opened.start();
    await refusal(load(opened));
    const error = await refusal(load(opened));
    expect([error.code, error.fatal]).toEqual(["worker_crashed", true]);
    expect(workers).toHaveLength(2);
  });
});

describe("a signature that ends", () => {
  const renewed = (token: string, lifetimeSecs: number) =>
    (({ id }: { id: number }, worker: FakeWorker) =>
      worker.send({
        type: "renewed",
        id,
        renewal: { session: session(lifetimeSecs), playlistUrl: playlistUrl(token), maxTrack: null },
      })) as (m: never, w: FakeWorker) => void;

  test("is renewed before its end, and media addresses follow", async () => {
    const play = ({ id }: { id: number }, worker: FakeWorker) =>
      worker.send({ type: "played", id, playback: playback({ spritesUrl: spritesUrl("preview") }) });
    const { title: opened, workers, getSignature, events } = title({ play, renew: renewed("two", 3600) });
    await opened.start();
    expect(opened.spritesUrl).toBe(spritesUrl("one"));
    await vi.advanceTimersByTimeAsync(0.79 * 3_600_000);
    expect(getSignature).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(0.02 * 3_600_000);
    expect(getSignature).toHaveBeenLastCalledWith({ fileId: "title-1", reason: "refresh" });
    expect(workers[0]?.of("renew").map(({ psign }) => psign)).toEqual(["psign-2"]);
    expect(opened.spritesUrl).toBe(spritesUrl("two"));
    expect(events.at(-1)?.[0]).toBe("signature");
    expect(opened.playlistUrl).toBe(playlistUrl("two"));
    await load(opened);
    expect(workers[0]?.of("load").at(-1)?.url).toBe("http://media.test/media/two/title-1/v/s0.ts");
  });

  test("is asked for again while the old one holds, and playback goes on", async () => {
    let failures = 2;
    const getSignature = vi.fn(async ({ reason }: { reason: string }) => {
      if (reason === "refresh" && failures-- > 0) throw new Error("offline");
      return `psign-${reason}`;
    });
    const { title: opened, codes, workers } = title({ renew: renewed("two", 3600) }, { getSignature });
    await opened.start();
    await vi.advanceTimersByTimeAsync(2_881_000);
    expect(codes()).toEqual(["signature_unavailable"]);
    expect((await load(opened)).bytes.byteLength).toBe(4);
    await vi.advanceTimersByTimeAsync(16_000);
    expect(codes()).toEqual(["signature_unavailable", "signature_unavailable"]);
    expect(workers[0]?.of("renew")).toHaveLength(1);
    expect(opened.playlistUrl).toBe(playlistUrl("two"));
  });

  test("is not renewed by the signature that is in use", async () => {
    const { title: opened, workers, codes } = title({}, { getSignature: async () => "psign" });
    await opened.start();
    await vi.advanceTimersByTimeAsync(2_881_000);
    expect(codes()).toEqual(["signature_unavailable"]);
    expect(workers[0]?.of("renew")).toEqual([]);
  });

  test("is asked for ever more rarely", async () => {
    const getSignature = vi.fn(async () => "psign");
    const { title: opened } = title({}, { getSignature });
    await opened.start();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(getSignature.mock.calls.length).toBeLessThan(12);
  });

  test("is not asked for any more once it ended or the title is destroyed", async () => {
    const getSignature = vi.fn(async ({ reason }: { reason: string }) => {
      if (reason === "refresh") throw new Error("offline");
      return "psign";
    });
    const { title: opened } = title({}, { getSignature });
    await opened.start();
    await vi.advanceTimersByTimeAsync(3_600_000);
    const asked = getSignature.mock.calls.length;
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(getSignature.mock.calls.length).toBeLessThanOrEqual(asked + 1);

    const other = title({ renew: renewed("two", 3600) });
    await other.title.start();
    other.title.destroy();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(other.getSignature).toHaveBeenCalledTimes(1);
  });

  test("of an exchange along the way counts, too", async () => {
    const { title: opened, workers, getSignature } = title();
    await opened.start();
    await vi.advanceTimersByTimeAsync(1_800_000);
    workers[0]?.send({
      type: "session",
      renewal: { session: session(3600), playlistUrl: playlistUrl("three"), maxTrack: null },
    });
    expect(opened.playlistUrl).toBe(playlistUrl("three"));
    await vi.advanceTimersByTimeAsync(0.4 * 3_600_000);
    expect(getSignature).toHaveBeenCalledTimes(1);
  });
});

test("a destroyed title ends its worker and rejects what is pending", async () => {
  const { title: opened, workers } = title({ load: () => undefined });
  await opened.start();
  const pending = refusal(load(opened));
  await settle();
  opened.destroy();
  expect((await pending).code).toBe("destroyed");
  expect(workers[0]?.terminated).toBe(true);
  expect((await refusal(load(opened))).code).toBe("destroyed");
});
