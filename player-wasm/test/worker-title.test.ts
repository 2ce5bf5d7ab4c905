import { describe, expect, test, vi } from "vitest";
import type { EngineReport } from "../ts/engine-messages.js";
import { type ErrorCode, KeyveilError } from "../ts/errors.js";
import { WorkerTitle } from "../ts/worker/engine/worker-title.js";
import type { ClearSegment, SegmentRequest } from "../ts/worker/segment-loader.js";
import { playback, playlistUrl, session, settle } from "./fakes.js";

const REQUEST = { url: "http://media.test/media/one/title-1/v/s0.ts", reference: "title-1/1/0/1/4", positionMs: 7 };
const SEGMENT: ClearSegment = {
  bytes: new ArrayBuffer(4),
  status: 200,
  loadedBytes: 16,
  timing: { ttfbMs: 1, fetchMs: 2, decryptMs: 3 },
};

/** A title whose loads are answered in the order in which they are asked: by a segment, or by an error of that code. */
function title(...answers: (ErrorCode | "segment")[]) {
  const asked: SegmentRequest[] = [];
  const reports: EngineReport[] = [];
  const crashed = vi.fn();
  const segments = {
    async load(request: SegmentRequest) {
      asked.push(request);
      const answer = answers.shift() ?? "segment";
      if (answer !== "segment") throw new KeyveilError(answer);
      return SEGMENT;
    },
  };
  const made = new WorkerTitle(segments, (report) => reports.push(report), crashed);
  made.played(playback());
  const load = (signal = new AbortController().signal) =>
    made
      .load(REQUEST, signal, () => undefined)
      .then(
        () => "loaded",
        (error: KeyveilError) => error.code,
      );
  const reopens = () => reports.filter((report) => report.type === "reopen");
  const played = (token: string) => made.played(playback({ playlistUrl: playlistUrl(token) }));
  return { title: made, asked, reports, crashed, load, reopens, played };
}

describe("a title in the worker", () => {
  test("loads by itself, and tells how it went but not what it is", async () => {
    const { load, asked, reports } = title();
    expect(await load()).toBe("loaded");
    expect(asked).toEqual([REQUEST]);
    expect(reports).toEqual([{ type: "loaded", rendition: 1, segment: 4, bytes: 4, fetchMs: 2, decryptMs: 3 }]);
  });

  test("tells the server where playback is", async () => {
    const { title: made, load, asked } = title();
    made.followPosition(() => 12_000);
    await load();
    expect(asked[0]?.positionMs).toBe(12_000);
  });

  for (const code of ["session_expired", "session_invalid", "counter_replayed", "url_expired"] as const) {
    test(`asks for one new session after ${code}, and tries once more under its address`, async () => {
      const { title: made, load, asked, reopens, played } = title(code);
      const loading = load();
      await settle();
      expect(reopens()).toMatchObject([{ id: 1, cause: { code } }]);
      expect(asked).toHaveLength(1);
      played("two");
      made.reopened(1, null);
      expect(await loading).toBe("loaded");
      expect(asked[1]?.url).toBe("http://media.test/media/two/title-1/v/s0.ts");
      expect(reopens()).toHaveLength(1);
    });
  }

  for (const code of ["key_not_granted", "segment_damaged", "network", "session_superseded"] as const) {
    test(`asks for none after ${code}`, async () => {
      const { load, asked, reopens } = title(code);
      expect(await load()).toBe(code);
      expect([asked.length, reopens().length]).toEqual([1, 0]);
    });
  }

  test("does not try a third time", async () => {
    const { title: made, load, reopens, played } = title("session_expired", "session_expired");
    const loading = load();
    await settle();
    played("two");
    made.reopened(1, null);
    expect(await loading).toBe("session_expired");
    expect(reopens()).toHaveLength(1);
  });

  test("lets loads that are refused at the same time share a session", async () => {
    const { title: made, load, asked, reopens, played } = title("session_expired", "url_expired");
    const loading = [load(), load()];
    await settle();
    expect(reopens()).toHaveLength(1);
    played("two");
    made.reopened(1, null);
    expect(await Promise.all(loading)).toEqual(["loaded", "loaded"]);
    expect(asked).toHaveLength(4);
  });

  test("asks for none where a new session was made while the refusal was on its way", async () => {
    const waiting: ((error: KeyveilError) => void)[] = [];
    const reports: EngineReport[] = [];
    let loads = 0;
    const load = () =>
      ++loads === 1 ? new Promise<ClearSegment>((_resolve, reject) => waiting.push(reject)) : Promise.resolve(SEGMENT);
    const made = new WorkerTitle({ load }, (report) => reports.push(report), vi.fn());
    made.played(playback());
    const loading = made.load(REQUEST, new AbortController().signal, () => undefined);
    made.played(playback({ playlistUrl: playlistUrl("two") }));
    waiting[0]?.(new KeyveilError("session_invalid"));
    expect(await loading).toBe(SEGMENT);
    expect(reports.filter(({ type }) => type === "reopen")).toEqual([]);
  });

  test("fails as the page says where there is no new session", async () => {
    const { title: made, load, reopens } = title("session_expired");
    const loading = load();
    await settle();
    made.reopened(99, new KeyveilError("network").toWire());
    made.reopened(1, new KeyveilError("signature_unavailable").toWire());
    expect(await loading).toBe("signature_unavailable");
    expect(reopens()).toHaveLength(1);
  });

  test("asks for none for a load that nobody wants any more", async () => {
    const { load, reopens } = title("session_expired");
    const abort = new AbortController();
    abort.abort();
    expect(await load(abort.signal)).toBe("session_expired");
    expect(reopens()).toEqual([]);
  });

  test("says that the decryptor has crashed", async () => {
    const { load, crashed } = title("worker_crashed");
    expect(await load()).toBe("worker_crashed");
    expect(crashed).toHaveBeenCalledOnce();
  });

  test("keeps addresses and rules up to date", () => {
    const { title: made } = title();
    expect(made.playlistUrl).toBe(playlistUrl("one"));
    made.renewed({ session: session(), playlistUrl: playlistUrl("two"), maxTrack: null });
    expect(made.playlistUrl).toBe(playlistUrl("two"));
    expect(made.playlistRules()).toMatchObject({ isPrivate: true, denied: new Set(["v2160p/playlist.m3u8"]) });
  });

  test("follows a newer signature's limits for a standard title", () => {
    const { title: made } = title();
    made.played(playback({ title: { ...playback().title, mode: "standard" }, maxTrack: "UHD" }));
    expect(made.playlistRules().denied.size).toBe(0);
    made.renewed({ session: session(), playlistUrl: playlistUrl("two"), maxTrack: "SD" });
    expect(made.playlistRules().denied).toEqual(new Set(["v2160p/playlist.m3u8"]));
  });

  test("has nothing to tell before it is played", () => {
    const made = new WorkerTitle({ load: vi.fn() }, vi.fn(), vi.fn());
    expect(() => made.playback).toThrow(KeyveilError);
    expect(made.currentUrl("http://x/")).toBe("http://x/");
  });
});
