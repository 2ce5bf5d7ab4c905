import { expect, test } from "vitest";
import { currentPeriod, newPlayback, type Playback, type PlaybackTitle, Series } from "./playback.ts";
import { sparkPoints } from "./sparkline.ts";

const TITLE: PlaybackTitle = {
  fileId: "f",
  name: "n",
  mode: "private",
  cipher: "aes-128-cbc",
  durationMs: 59_000,
  segmentMs: 2000,
  periodSegments: 4,
  segmentCount: 30,
  trackClasses: ["SD"],
};

const at = (positionMs: number, title: PlaybackTitle | null = TITLE): Playback => ({
  ...newPlayback(),
  title,
  positionMs,
});

test("the period follows the playhead and changes at its first segment", () => {
  expect(currentPeriod(at(0))).toEqual({ period: 1, count: 8 });
  expect(currentPeriod(at(7999))).toEqual({ period: 1, count: 8 });
  expect(currentPeriod(at(8000))).toEqual({ period: 2, count: 8 });
});

test("the period never passes the last one", () => {
  expect(currentPeriod(at(64_500))).toEqual({ period: 8, count: 8 });
});

test("an unknown or clear title has no period", () => {
  expect(currentPeriod(at(0, null))).toBeNull();
  expect(currentPeriod(at(0, { ...TITLE, mode: "clear", cipher: null }))).toBeNull();
  expect(currentPeriod(at(0, { ...TITLE, periodSegments: 0 }))).toBeNull();
});

test("a series keeps the last forty and the mean of all", () => {
  const series = new Series();
  for (let ms = 1; ms <= 100; ms += 1) series.add(ms);
  expect(series.last.length).toBe(40);
  expect(series.last.at(-1)).toBe(100);
  expect(series.count).toBe(100);
  expect(series.meanMs).toBe(50.5);
});

test("a series ignores what is no duration", () => {
  const series = new Series();
  for (const ms of [Number.NaN, -1, Number.POSITIVE_INFINITY]) series.add(ms);
  expect(series.count).toBe(0);
  expect(series.meanMs).toBe(0);
});

test("the newest value is at the right edge and zero at the bottom", () => {
  const points = sparkPoints([10, 0]);
  expect(points.at(-1)).toEqual([117, 27]);
  expect(points[0]?.[1]).toBe(3);
});
