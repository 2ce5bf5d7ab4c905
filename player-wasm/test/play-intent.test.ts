import { expect, test } from "vitest";
import { PlayIntent } from "../ts/page/play-intent.js";
import { FakeVideo } from "./fake-video.js";

function watched() {
  const video = new FakeVideo();
  const listening = new AbortController();
  return { video, intent: new PlayIntent(video.element, listening.signal), stop: () => listening.abort() };
}

/** As an element does that gets another source: it stands still, and says nothing of a pause. */
function anotherSource(video: FakeVideo): void {
  video.srcObject = {};
  video.fire("emptied", "loadstart");
}

test("nobody's wish plays nothing", () => {
  const { video, intent } = watched();
  video.fire("loadedmetadata");
  anotherSource(video);
  video.fire("loadedmetadata");
  expect([intent.isWanted, video.play.mock.calls.length]).toEqual([false, 0]);
});

test("plays on with a new source, also where the one before had no media yet", () => {
  const { video, intent } = watched();
  video.fire("play");
  anotherSource(video);
  video.fire("loadedmetadata");
  expect([intent.isWanted, video.paused, video.play.mock.calls.length]).toEqual([true, false, 1]);
  anotherSource(video);
  expect(video.paused).toBe(true);
  video.fire("loadedmetadata");
  expect(video.paused).toBe(false);
});

test("one that the viewer paused stays so, and one that the browser paused at media it can't decode does not", () => {
  const { video, intent } = watched();
  video.fire("play", "loadedmetadata");
  video.error = { code: 3, message: "decode" };
  video.fire("pause");
  expect(intent.isWanted).toBe(true);
  video.error = null;
  anotherSource(video);
  video.fire("loadedmetadata");
  expect(video.play).toHaveBeenCalledTimes(2);
  video.fire("pause");
  anotherSource(video);
  video.fire("loadedmetadata");
  expect([intent.isWanted, video.play.mock.calls.length]).toEqual([false, 2]);
});

test("once it ends, nothing plays", () => {
  const { video, stop } = watched();
  video.fire("play");
  stop();
  video.fire("loadedmetadata");
  expect(video.play).not.toHaveBeenCalled();
});
