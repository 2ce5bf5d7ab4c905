import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Playback } from "../ts/protocol.js";
import { addressesAhead, fetchAhead } from "../ts/worker/fetch-ahead.js";
import { playback } from "./fakes.js";

const FOLDER = "http://media.test/media/one/title-1/";
const withTitle = (changes: Partial<Playback["title"]>) => playback({ title: { ...playback().title, ...changes } });
const pathsOf = (asked: Playback) => addressesAhead(asked).map((url) => url.replace(FOLDER, ""));

const rendition = { language: null, width: null, height: null, bandwidth: null, codecs: null, segmentCount: 10 };
const video = {
  ...rendition,
  rendition: 0,
  kind: "video",
  trackClass: "UHD",
  name: "",
  playlist: "v2160p/playlist.m3u8",
};
const lower = { ...video, rendition: 1, trackClass: "SD", playlist: "v360p/playlist.m3u8" };
const audio = {
  ...rendition,
  rendition: 2,
  kind: "audio",
  trackClass: "AUDIO",
  name: "",
  playlist: "a0/playlist.m3u8",
};
const more = { ...audio, rendition: 3, playlist: "a1/playlist.m3u8" };
const subtitles = { ...audio, rendition: 4, kind: "subtitles", playlist: "s0/playlist.m3u8" };
const RENDITIONS = [video, lower, audio, more, subtitles] as Playback["title"]["renditions"];

describe("what is fetched ahead", () => {
  test("is the master playlist, and of the first video and audio that the signature gives playlist and init segment", () => {
    expect(pathsOf(withTitle({ renditions: RENDITIONS }))).toEqual([
      "master.m3u8",
      "v360p/playlist.m3u8",
      "v360p/init.mp4",
      "a0/playlist.m3u8",
      "a0/init.mp4",
    ]);
  });

  test("of a clear title is of the first there are: nothing has to be given", () => {
    const clear = { ...withTitle({ renditions: RENDITIONS, mode: "clear" }), trackClasses: [] };
    expect(pathsOf(clear)).toContain("v2160p/init.mp4");
  });

  test("of MPEG-TS holds no init segment", () => {
    expect(pathsOf(withTitle({ container: "ts" }))).toEqual(["master.m3u8", "v360p/playlist.m3u8"]);
  });

  test("is nothing where the answers are for no cache, or addresses don't inherit their token", () => {
    expect(addressesAhead(playback({ preview: { segments: 2, endMs: 12_000 } }))).toEqual([]);
    expect(addressesAhead(withTitle({ mode: "standard" }))).toEqual([]);
    const signed = "http://media.test/v/title-1/master.m3u8?auth_key=1-0-0-abc";
    expect(addressesAhead(playback({ playlistUrl: signed }))).toEqual([]);
  });

  test("stays within the title's folder", () => {
    for (const playlist of ["../../../v1/keys", "//other.test/p.m3u8", "http://other.test/a/p.m3u8", "", undefined]) {
      const renditions = [{ ...lower, playlist }] as Playback["title"]["renditions"];
      expect(pathsOf(withTitle({ renditions })), String(playlist)).toEqual(["master.m3u8"]);
    }
  });
});

describe("fetching ahead", () => {
  const asked: [string, RequestInit][] = [];
  beforeEach(() => {
    asked.length = 0;
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test("reads whole answers, with the worker's credentials", async () => {
    const read = vi.fn(() => Promise.resolve(new ArrayBuffer(1)));
    vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
      asked.push([url, init]);
      return { arrayBuffer: read };
    });
    fetchAhead(playback(), "omit");
    await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(3));
    expect(asked[0]).toEqual([`${FOLDER}master.m3u8`, { credentials: "omit" }]);
  });

  test("fails in silence: hls.js asks again", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
    // An unhandled rejection would fail this run.
    fetchAhead(playback(), "omit");
    await new Promise((resolve) => setTimeout(resolve));
  });
});
