import { describe, expect, test } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { leaveOut, orLeftOut } from "../ts/hls/left-out.js";
import { limitedTo, publicRenewal } from "../ts/protocol.js";
import { playback, playlistUrl, session } from "./fakes.js";

/** What is used of hls.js: levels are told apart by their addresses. */
class FakeLevels {
  readonly calls: unknown[] = [];
  levels: { uri: string }[];

  constructor(
    names: string[],
    readonly loadingEnabled = true,
  ) {
    this.levels = names.map((name) => ({ uri: `http://media.test/media/one/title-1/${name}/playlist.m3u8?token=x` }));
  }

  readonly stopLoad = () => void this.calls.push("stopLoad");
  readonly startLoad = () => void this.calls.push("startLoad");
  readonly removeLevel = (id: number) => {
    this.calls.push(id);
    this.levels = this.levels.filter((_, index) => index !== id);
  };

  leaveOut(maxTrack: "AUDIO" | "SD" | "UHD") {
    leaveOut(this as never, limitedTo(both, maxTrack));
    return this.calls;
  }
}

const both = playback({ trackClasses: ["AUDIO", "SD", "UHD"], maxTrack: "UHD" });
const refused = new KeyveilError("key_not_granted");

describe("levels above what a renewal allows", () => {
  test("are taken out while nothing is on its way", () => {
    const levels = new FakeLevels(["v2160p", "v360p", "v2160p"]);
    expect(levels.leaveOut("SD")).toEqual(["stopLoad", 2, 0, "startLoad"]);
    expect(levels.levels.map(({ uri }) => uri)).toEqual([
      "http://media.test/media/one/title-1/v360p/playlist.m3u8?token=x",
    ]);
    expect(levels.leaveOut("SD")).toHaveLength(4);
  });

  test("are taken out of an hls.js that stands still, which does not start by that", () => {
    expect(new FakeLevels(["v360p", "v2160p"], false).leaveOut("SD")).toEqual(["stopLoad", 1]);
  });

  test("stay where they are all that there is, and where they are allowed", () => {
    expect(new FakeLevels(["v2160p"]).leaveOut("SD")).toEqual([]);
    expect(new FakeLevels(["v360p", "v2160p"]).leaveOut("AUDIO")).toEqual([]);
    expect(new FakeLevels(["v360p", "v2160p"]).leaveOut("UHD")).toEqual([]);
  });

  test("are those of standard titles, too, which know no classes ahead", () => {
    const standard = playback({ title: { ...both.title, mode: "standard" }, trackClasses: [] });
    const levels = new FakeLevels(["v360p", "v2160p"]);
    leaveOut(levels as never, limitedTo(standard, "SD"));
    expect(levels.levels).toHaveLength(1);
  });
});

describe("a key that is not granted", () => {
  test("is not the end where another video is left, and only then", () => {
    const fatal = (reference: string, maxTrack: "AUDIO" | "SD" | "UHD", error = refused) =>
      orLeftOut(error, reference, limitedTo(both, maxTrack)).fatal;
    expect(fatal("title-1/3/0/1/4", "SD")).toBe(false);
    expect(fatal("title-1/3/0/1/4", "UHD")).toBe(true);
    expect(fatal("title-1/1/0/0/4", "SD")).toBe(true);
    expect(fatal("title-1/3/0/1/4", "AUDIO")).toBe(true);
    expect(fatal("title-1/0/0/2/4", "SD")).toBe(true);
    expect(fatal("title-1/3/0/1/4", "SD", new KeyveilError("session_superseded"))).toBe(true);
    expect(fatal("no reference", "SD")).toBe(true);
  });
});

test("a renewal says which class is left, and an older server does not", () => {
  const answer = { session: session(), playlistUrl: playlistUrl("two") };
  expect(publicRenewal({ ...answer, maxTrack: "SD" })?.maxTrack).toBe("SD");
  expect(publicRenewal({ ...answer, maxTrack: "8K" })?.maxTrack).toBeNull();
  expect(publicRenewal(answer)?.maxTrack).toBeNull();
  expect(limitedTo(both, null)).toBe(both);
  expect(limitedTo(limitedTo(both, "SD"), "UHD").trackClasses).toEqual(["AUDIO", "SD"]);
});
