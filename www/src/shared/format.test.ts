import { expect, test } from "vitest";
import { bitRate, bytes, clock, count, duration, fromNow, percent } from "./format.ts";

test("sizes have three figures at most and the unit that fits", () => {
  expect([0, 999, 1000, 1536, 48_000_000, 999_600, 3_900_000_000].map(bytes)).toEqual([
    "0 B",
    "999 B",
    "1 kB",
    "1.5 kB",
    "48 MB",
    "1 MB",
    "3.9 GB",
  ]);
  expect(bytes(-5), "never below nothing").toBe("0 B");
});

test("what is not quite done is not 100%", () => {
  expect([0, 41.7, 99.9, 100, 140, -3].map(percent)).toEqual(["0%", "42%", "99%", "100%", "100%", "0%"]);
});

test("a length of time has its two largest units", () => {
  expect([0, 59, 60, 83, 5025, 3600, 90_061].map(duration)).toEqual([
    "0 secs",
    "59 secs",
    "1 min",
    "1 min 23 secs",
    "1 hr 23 mins",
    "1 hr",
    "1 day 1 hr",
  ]);
});

test("playing times, bit rates and counts", () => {
  expect([clock(0), clock(83_000), clock(3_725_000)]).toEqual(["0:00", "1:23", "1:02:05"]);
  expect([bitRate(131_000), bitRate(2_950_000), bitRate(6_144_000)]).toEqual(["131 kbit/s", "3 Mbit/s", "6.1 Mbit/s"]);
  expect(count(1_234_567)).toBe("1,234,567");
});

test("a moment is told in its largest fitting unit", () => {
  expect(fromNow(1000, 1000 + 7300)).toBe("2 hours ago");
  expect(fromNow(1000 + 3 * 86_400, 1000)).toBe("in 3 days");
});
