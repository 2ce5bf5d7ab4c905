import { beforeEach, expect, test, vi } from "vitest";
import type { CaptionCue, EngineTrack } from "../ts/engine-messages.js";
import { CaptionTracks } from "../ts/page/caption-tracks.js";
import { FakeCue, type FakeTrackElement, FakeVideo } from "./fake-video.js";
import { settle } from "./fakes.js";

const track = (id: number, name: string, language = ""): EngineTrack => ({ id, name, language, isDefault: false });
const TRACKS = [track(0, "English", "en"), track(1, "中文", "zh")];
const cue = (id: string, startTime: number, text: string): CaptionCue => ({
  id,
  startTime,
  endTime: startTime + 2,
  text,
  line: -2,
  position: "auto",
  size: 80,
  align: "center",
  vertical: "",
  snapToLines: true,
});

function captions() {
  const video = new FakeVideo();
  const choose = vi.fn();
  const tracks = new CaptionTracks(video.element, choose);
  return { video, choose, tracks };
}

const modes = (video: FakeVideo) => video.tracks.map(({ track }) => track.mode);
const named = (video: FakeVideo, label: string) =>
  (video.tracks.find((one) => one.label === label) as FakeTrackElement).track;

beforeEach(() => {
  vi.stubGlobal("VTTCue", FakeCue);
});

test("are made once for what the engine offers, and show what it has chosen", async () => {
  const { video, choose, tracks } = captions();
  tracks.update(TRACKS, -1);
  expect(video.tracks.map(({ label, srclang, kind }) => [label, srclang, kind])).toEqual([
    ["English", "en", "subtitles"],
    ["中文", "zh", "subtitles"],
  ]);
  expect(modes(video)).toEqual(["disabled", "disabled"]);
  tracks.update([...TRACKS], 1);
  await settle();
  expect(video.nodes).toHaveLength(2);
  expect(modes(video)).toEqual(["disabled", "showing"]);
  expect(choose).not.toHaveBeenCalled();
});

test("tell what the viewer chooses, and an engine that has not heard of it yet changes nothing", async () => {
  const { video, choose, tracks } = captions();
  tracks.update(TRACKS, 0);
  await settle();
  named(video, "English").mode = "disabled";
  named(video, "中文").mode = "showing";
  await settle();
  expect(choose.mock.calls).toEqual([[1]]);
  tracks.update(TRACKS, 0);
  expect(modes(video)).toEqual(["disabled", "showing"]);
  tracks.update(TRACKS, 1);
  tracks.update(TRACKS, 0);
  expect(modes(video), "from then on the engine is heard again").toEqual(["showing", "disabled"]);
});

test("that are switched off or only hidden are told so", async () => {
  const { video, choose, tracks } = captions();
  tracks.update(TRACKS, 0);
  await settle();
  named(video, "English").mode = "hidden";
  await settle();
  expect(choose, "hidden lines are wanted, too").not.toHaveBeenCalled();
  named(video, "English").mode = "disabled";
  await settle();
  expect(choose.mock.calls).toEqual([[-1]]);
});

test("get each line once, also while they are off", () => {
  const { video, tracks } = captions();
  tracks.update(TRACKS, -1);
  tracks.add(0, [cue("a", 1, "one"), cue("b", 3, "two")]);
  tracks.add(0, [cue("b", 3, "two"), cue("", 5, "three")]);
  tracks.add(0, [cue("", 5, "three"), cue("", 5, "another")]);
  tracks.add(7, [cue("x", 1, "of no track")]);
  const { cues, mode } = named(video, "English");
  expect(cues.map(({ text }) => text)).toEqual(["one", "two", "three", "another"]);
  expect(cues[0]).toMatchObject({ id: "a", startTime: 1, endTime: 3, line: -2, size: 80, align: "center" });
  expect(mode).toBe("disabled");
});

test("go with the engine, or with an offer that holds others", async () => {
  const { video, choose, tracks } = captions();
  tracks.update(TRACKS, 0);
  tracks.update([track(0, "Deutsch", "de")], 0);
  expect(video.tracks.map(({ label }) => label)).toEqual(["Deutsch"]);
  expect(modes(video)).toEqual(["showing"]);
  tracks.destroy();
  expect(video.tracks).toEqual([]);
  await settle();
  expect(choose).not.toHaveBeenCalled();
});
