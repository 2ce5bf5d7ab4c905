import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { installGlobals, MediaSources, type Scope } from "../ts/worker/engine/globals.js";
import { Spans } from "../ts/worker/engine/time-ranges.js";
import { VideoShim } from "../ts/worker/engine/video-shim.js";
import { FakeMediaSource, shimmed, timeRanges } from "./engine-fakes.js";

const PLAYING = { paused: false, readyState: 4 };

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the time", () => {
  test("goes on between two snapshots while the video plays, at its rate", () => {
    const { shim, receive } = shimmed();
    receive("playing", { ...PLAYING, currentTime: 3, playbackRate: 2 });
    vi.advanceTimersByTime(1_500);
    expect(shim.currentTime).toBeCloseTo(6);
  });

  const still = {
    "is paused": { paused: true },
    "has ended": { ended: true },
    seeks: { seeking: true },
    "waits for data": { readyState: 2 },
  };
  for (const [name, change] of Object.entries(still)) {
    test(`stands still while the video ${name}`, () => {
      const { shim, receive } = shimmed();
      receive(null, { ...PLAYING, currentTime: 3, ...change });
      vi.advanceTimersByTime(1_500);
      expect(shim.currentTime).toBe(3);
    });
  }

  test("does not pass the end of what is buffered there", () => {
    const { shim, receive } = shimmed(
      new FakeMediaSource([
        [0, 5],
        [8, 20],
      ]),
    );
    receive(null, { ...PLAYING, currentTime: 4 });
    vi.advanceTimersByTime(60_000);
    expect(shim.currentTime).toBe(5);
  });

  test("stands where the video is, where nothing is buffered there", () => {
    const { shim, receive } = shimmed(new FakeMediaSource([[0, 5]]));
    receive(null, { ...PLAYING, currentTime: 7 });
    vi.advanceTimersByTime(1_000);
    expect(shim.currentTime).toBe(7);
  });

  test("does not run back where the page's clock is ahead", () => {
    const { shim, receive } = shimmed();
    receive(null, { ...PLAYING, currentTime: 4, atMs: performance.timeOrigin + performance.now() + 500 });
    expect(shim.currentTime).toBe(4);
  });
});

describe("a seek", () => {
  test("is asked for, and under way until the page says so", () => {
    const { shim, receive, of } = shimmed();
    receive("playing", { ...PLAYING, currentTime: 3 });
    shim.currentTime = 12;
    expect(of("seek")).toEqual([{ type: "seek", generation: 1, seconds: 12 }]);
    expect([shim.currentTime, shim.seeking]).toEqual([12, true]);
    receive("timeupdate", { ...PLAYING, currentTime: 3.1 });
    expect([shim.currentTime, shim.seeking], "an event in between confirms nothing").toEqual([12, true]);
    receive("seeking", { ...PLAYING, currentTime: 12, seeking: true });
    expect([shim.currentTime, shim.seeking], "now the page says it").toEqual([12, true]);
    receive("seeked", { ...PLAYING, currentTime: 12 });
    expect([shim.currentTime, shim.seeking]).toEqual([12, false]);
  });

  test("is not confirmed by the end of another that was under way when it was asked for", () => {
    const { shim, receive } = shimmed();
    const before = performance.timeOrigin + performance.now();
    receive(null, { ...PLAYING, currentTime: 3 });
    vi.advanceTimersByTime(10);
    shim.currentTime = 12;
    receive("seeked", { ...PLAYING, currentTime: 5, atMs: before });
    expect([shim.currentTime, shim.seeking]).toEqual([12, true]);
    receive("seeked", { ...PLAYING, currentTime: 12, atMs: before });
    expect(shim.seeking, "its own, by a clock that is behind").toBe(false);
  });

  test("ends elsewhere where the page ends it there", () => {
    const { shim, receive } = shimmed();
    receive(null, { ...PLAYING, currentTime: 3 });
    shim.currentTime = 1_000;
    receive("seeking", { ...PLAYING, currentTime: 20, seeking: true });
    expect([shim.currentTime, shim.seeking]).toEqual([20, true]);
  });

  test("before there is something to seek in waits for it", () => {
    const { shim, receive, of } = shimmed();
    shim.currentTime = 12;
    expect([shim.currentTime, shim.seeking, of("seek").length]).toEqual([12, false, 0]);
    receive("loadedmetadata", { readyState: 1 });
    expect(of("seek")).toEqual([{ type: "seek", generation: 1, seconds: 12 }]);
    expect([shim.currentTime, shim.seeking]).toEqual([12, true]);
  });

  test("to what is no time is refused", () => {
    const { shim, of } = shimmed();
    expect(() => {
      shim.currentTime = Number.NaN;
    }).toThrow(TypeError);
    expect(of("seek")).toEqual([]);
  });
});

test("mirrors what the page says of its video", () => {
  const { shim, receive } = shimmed();
  const error = { code: 3, message: "decoding failed" };
  const state = { ended: true, paused: false, readyState: 3, playbackRate: 1.5, error };
  receive(null, {
    ...state,
    videoWidth: 854,
    videoHeight: 480,
    totalVideoFrames: 99,
    droppedVideoFrames: 7,
    playedRanges: 2,
  });
  expect(shim).toMatchObject({ ...state, videoWidth: 854, videoHeight: 480, clientWidth: 640, clientHeight: 360 });
  expect(shim.getVideoPlaybackQuality()).toMatchObject({ totalVideoFrames: 99, droppedVideoFrames: 7 });
  expect(shim.getBoundingClientRect()).toMatchObject({ width: 640, height: 360 });
  expect(shim.played.length).toBe(2);
});

describe("what is buffered", () => {
  const rangesOf = ({ buffered }: VideoShim) =>
    Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);

  test("is what all buffers of the source have", () => {
    const { shim } = shimmed(
      new FakeMediaSource(
        [
          [0, 10],
          [12, 30],
        ],
        [
          [1, 14],
          [20, 25],
        ],
      ),
    );
    expect(rangesOf(shim)).toEqual([
      [1, 10],
      [12, 14],
      [20, 25],
    ]);
  });

  test("is as long as the longest buffer once the source has ended", () => {
    const source = new FakeMediaSource([[0, 10]], [[0, 9.9]]);
    const { shim } = shimmed(source);
    expect(rangesOf(shim)).toEqual([[0, 9.9]]);
    source.readyState = "ended";
    expect(rangesOf(shim)).toEqual([[0, 10]]);
  });

  test("is nothing where one buffer is empty, and where there is no source", () => {
    expect(rangesOf(shimmed(new FakeMediaSource([[0, 10]], [])).shim)).toEqual([]);
    expect(rangesOf(shimmed(new FakeMediaSource()).shim)).toEqual([]);
    expect(rangesOf(shimmed(null).shim)).toEqual([]);
  });

  test("refuses a range that it has not", () => {
    expect(() => Spans.of(timeRanges([[0, 1]])).end(1)).toThrow(DOMException);
    expect(Spans.of(timeRanges([[0, 1]])).end(0)).toBe(1);
  });
});

test("the duration is the media source's", () => {
  const source = new FakeMediaSource([[0, 1]]);
  const { shim } = shimmed(source);
  expect(shim.duration).toBeNaN();
  source.duration = 40;
  expect(shim.duration).toBe(40);
  shim.removeAttribute("src");
  expect(shim.duration).toBeNaN();
});

describe("the source", () => {
  test("goes to the page as a handle that is transferred, once", () => {
    const source = new FakeMediaSource();
    const { shim, sources, transferred, of } = shimmed(null);
    const token = sources.add(source as unknown as MediaSource);
    shim.src = token;
    expect(of("media")).toEqual([{ type: "media", generation: 1, handle: source.handle }]);
    expect(transferred).toEqual([[source.handle]]);
    expect(shim.src).toBe(token);
    expect(() => {
      shim.src = token;
    }).toThrow(TypeError);
    expect(of("media"), "a token that was used leaves the source as it is").toHaveLength(1);
    expect(shim.src).toBe(token);
  });

  test("is taken away, and each change has a generation of its own", () => {
    const { shim, give, of } = shimmed();
    shim.removeAttribute("class");
    expect(of("media")).toHaveLength(1);
    shim.removeAttribute("src");
    shim.load();
    expect(shim.src).toBe("");
    shim.removeAttribute("src");
    give(new FakeMediaSource());
    expect(of("media").map(({ generation, handle }) => [generation, handle !== null])).toEqual([
      [1, true],
      [2, false],
      [3, true],
    ]);
  });

  test("is the only one whose events reach listeners", () => {
    const { shim, give, receive } = shimmed();
    const heard: string[] = [];
    for (const type of ["emptied", "playing"]) shim.addEventListener(type, () => heard.push(type));
    receive("playing", PLAYING);
    give(new FakeMediaSource());
    receive("emptied", { ...PLAYING, currentTime: 9 }, 1);
    expect([heard, shim.currentTime]).toEqual([["playing"], 0]);
    receive("playing", { ...PLAYING, currentTime: 1 });
    expect([heard, shim.currentTime]).toEqual([["playing", "playing"], 1]);
  });
});

describe("a new source in place of another", () => {
  /** As hls.js' `recoverMediaError` does it. */
  function replaced(before: Parameters<ReturnType<typeof shimmed>["receive"]>[1]) {
    const shimmedNow = shimmed();
    const { shim, give, receive } = shimmedNow;
    receive("playing", before);
    shim.removeAttribute("src");
    receive("emptied", { paused: true, currentTime: 0 }, 1);
    give(new FakeMediaSource([[0, 20]]));
    return shimmedNow;
  }

  test("goes on where playback was, and as it was", () => {
    const { shim, receive, of } = replaced({ ...PLAYING, currentTime: 7 });
    expect([shim.currentTime, shim.paused, shim.readyState, shim.seeking]).toEqual([7, false, 0, false]);
    receive("emptied", { paused: false, readyState: 0 });
    expect(of("seek")).toEqual([]);
    receive("loadedmetadata", { paused: false, readyState: 1 });
    expect(of("seek")).toEqual([{ type: "seek", generation: 3, seconds: 7 }]);
    receive("seeked", { ...PLAYING, currentTime: 7 });
    expect([shim.currentTime, shim.seeking]).toEqual([7, false]);
  });

  test("goes on where hls.js last saw it, though the buffers are emptied before", () => {
    const source = new FakeMediaSource([[0, 20]]);
    const { shim, give, receive, of } = shimmed(source);
    receive("playing", { ...PLAYING, currentTime: 7 });
    vi.advanceTimersByTime(200);
    expect(shim.currentTime).toBeCloseTo(7.2);
    source.sourceBuffers.length = 0;
    shim.removeAttribute("src");
    give(new FakeMediaSource());
    receive("loadedmetadata", { readyState: 1 });
    expect(of("seek")[0]?.seconds).toBeCloseTo(7.2);
  });

  test("goes on there also when that happens again before it was there", () => {
    const { shim, give, receive, of } = replaced({ ...PLAYING, currentTime: 7 });
    give(new FakeMediaSource());
    expect(shim.currentTime).toBe(7);
    receive("loadedmetadata", { readyState: 1 });
    shim.removeAttribute("src");
    give(new FakeMediaSource());
    expect(shim.currentTime, "the seek was not done yet").toBe(7);
    receive("loadedmetadata", { readyState: 1 });
    expect(of("seek").map(({ seconds }) => seconds)).toEqual([7, 7]);
  });

  test("does not seek where the page has brought the video there itself", () => {
    const { shim, receive, of } = replaced({ ...PLAYING, currentTime: 7 });
    receive("loadedmetadata", { readyState: 1, currentTime: 7 });
    expect([shim.currentTime, of("seek").length]).toEqual([7, 0]);
  });

  test("begins anew after the end", () => {
    const { shim } = replaced({ readyState: 4, ended: true, currentTime: 20 });
    expect([shim.currentTime, shim.ended]).toEqual([0, false]);
  });

  test("forgets the last one's error", () => {
    const { shim } = replaced({ ...PLAYING, currentTime: 7, error: { code: 3, message: "x" } });
    expect(shim.error).toBeNull();
  });
});

test("what the element played before is no position in the title", () => {
  const shim = new VideoShim(() => undefined, new MediaSources(), {
    ...shimmed().shim.getVideoPlaybackQuality(),
    ...{ currentTime: 120, atMs: 0, playbackRate: 1, paused: false, ended: false, seeking: false, readyState: 4 },
    ...{ playedRanges: 1, videoWidth: 1, videoHeight: 1, clientWidth: 1, clientHeight: 1, pixelRatio: 1 },
    ...{ visible: true, error: null },
  });
  expect([shim.currentTime, shim.readyState]).toEqual([0, 0]);
});

test("what hls.js asks an element besides has harmless answers", async () => {
  const { shim } = shimmed();
  expect([shim.canPlayType(), shim.querySelector(), shim.querySelectorAll(), shim.currentSrc]).toEqual([
    "",
    null,
    [],
    "",
  ]);
  expect("onchange" in shim.textTracks).toBe(true);
  await shim.play();
  shim.pause();
  shim.playbackRate = 2;
  expect([shim.paused, shim.playbackRate]).toEqual([true, 1]);
});

describe("the globals", () => {
  function scope() {
    const created: unknown[] = [];
    const revoked: string[] = [];
    const URL = {
      createObjectURL: (source: unknown) => {
        created.push(source);
        return "blob:1";
      },
      revokeObjectURL: (url: string) => {
        revoked.push(url);
      },
    };
    const fake = { URL, MediaSource: FakeMediaSource as unknown as typeof MediaSource } as Scope;
    return { fake, created, revoked };
  }

  test("give a media source a token, and pass anything else on", () => {
    const { fake, created, revoked } = scope();
    const sources = installGlobals(fake, VideoShim);
    const source = new FakeMediaSource() as unknown as MediaSource;
    const token = fake.URL.createObjectURL(source);
    const blob = new Blob(["x"]);
    expect(fake.URL.createObjectURL(blob)).toBe("blob:1");
    expect(created).toEqual([blob]);
    expect(sources.take(token)).toBe(source);
    expect(() => sources.take(token)).toThrow(TypeError);
    expect(() => sources.take("blob:1")).toThrow(TypeError);
    fake.URL.revokeObjectURL(token);
    fake.URL.revokeObjectURL("blob:1");
    expect(revoked).toEqual(["blob:1"]);
  });

  test("are put there once", () => {
    const { fake } = scope();
    const sources = installGlobals(fake, VideoShim);
    const { createObjectURL } = fake.URL;
    expect(installGlobals(fake, VideoShim)).toBe(sources);
    expect(fake.URL.createObjectURL).toBe(createObjectURL);
    expect(fake.HTMLVideoElement).toBe(VideoShim);
    expect(fake.VTTCue).toBeTypeOf("function");
  });

  test("leave a revoked source to nobody", () => {
    const { fake } = scope();
    const sources = installGlobals(fake, VideoShim);
    const token = fake.URL.createObjectURL(new FakeMediaSource() as unknown as MediaSource);
    fake.URL.revokeObjectURL(token);
    expect(() => sources.take(token)).toThrow(TypeError);
  });
});
