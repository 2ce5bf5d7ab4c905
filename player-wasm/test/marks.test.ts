import { afterEach, expect, test, vi } from "vitest";
import { mark, markFirstFrame } from "../ts/page/marks.js";
import { FakeVideo } from "./fake-video.js";

const names = () => performance.getEntriesByType("mark").map(({ name }) => name);

afterEach(() => {
  performance.clearMarks();
  vi.restoreAllMocks();
});

test("a milestone is a mark of the browser's own", () => {
  mark("attach");
  mark("granted");
  expect(names()).toEqual(["keyveil:attach", "keyveil:granted"]);
});

test("the first frame is marked where the browser tells of frames, and by the first data elsewhere", () => {
  const telling = new FakeVideo();
  let show = () => undefined as unknown;
  Object.assign(telling, {
    requestVideoFrameCallback: (shown: () => void) => {
      show = shown;
    },
  });
  const { signal } = new AbortController();
  markFirstFrame(telling.element, signal);
  telling.fire("loadeddata");
  expect(names()).toEqual([]);
  show();
  expect(names()).toEqual(["keyveil:first-frame"]);

  const silent = new FakeVideo();
  markFirstFrame(silent.element, signal);
  silent.fire("loadeddata", "loadeddata");
  expect(names()).toHaveLength(2);
});

test("of a video whose player was destroyed nothing is marked", () => {
  const video = new FakeVideo();
  const player = new AbortController();
  markFirstFrame(video.element, player.signal);
  player.abort();
  video.fire("loadeddata");
  expect(names()).toEqual([]);
});
