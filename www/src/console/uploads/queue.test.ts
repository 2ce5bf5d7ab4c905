import { expect, test } from "vitest";
import { changed, leftSecs, percentOf, progressed, stopped, toBegin, type Upload, unfinished } from "./queue.ts";

const upload = (id: number, more: Partial<Upload> = {}): Upload => ({
  id,
  appId: 1,
  name: `file ${id}`,
  sizeBytes: 1000,
  sentBytes: 0,
  state: "waiting",
  failure: null,
  fileId: null,
  bytesPerSec: null,
  mark: null,
  ...more,
});

test("three are sent at a time, in the order they came", () => {
  const waiting = [1, 2, 3, 4, 5].map((id) => upload(id));
  expect(toBegin(waiting).map(({ id }) => id)).toEqual([1, 2, 3]);
  const busy = waiting.map((one) => (one.id < 3 ? { ...one, state: "sending" as const } : one));
  expect(toBegin(busy).map(({ id }) => id)).toEqual([3]);
  expect(toBegin(busy.map((one) => ({ ...one, state: "paused" as const })))).toEqual([]);
});

test("the speed is an average that forgets", () => {
  let one = upload(1, { state: "sending", sizeBytes: 100_000 });
  const step = (sentBytes: number, atMs: number): void => {
    one = { ...one, ...progressed(one, sentBytes, atMs) };
  };
  step(0, 0);
  expect(one.bytesPerSec, "one point is no speed").toBeNull();
  step(100, 100);
  expect(one.bytesPerSec, "too short to measure").toBeNull();
  step(1000, 1000);
  expect(one.bytesPerSec).toBe(1000);
  for (let secs = 2; secs < 30; secs += 1) step(1000 + (secs - 1) * 3000, secs * 1000);
  expect(one.bytesPerSec).toBeGreaterThan(2990);
  expect(leftSecs(one)).toBe(Math.ceil((100_000 - one.sentBytes) / (one.bytesPerSec ?? 0)));
});

test("going on at an earlier byte is no negative speed", () => {
  const before = upload(1, { state: "sending", sentBytes: 900, bytesPerSec: 50, mark: { atMs: 0, sentBytes: 900 } });
  const after = { ...before, ...progressed(before, 512, 2000) };
  expect([after.sentBytes, after.bytesPerSec]).toEqual([512, 50]);
});

test("what stands still has no speed and no time left", () => {
  const before = upload(1, { state: "sending", sentBytes: 10, bytesPerSec: 50, mark: { atMs: 0, sentBytes: 10 } });
  expect(leftSecs(before)).toBe(20);
  const after = { ...before, ...stopped("paused") };
  expect([after.bytesPerSec, after.mark, leftSecs(after)]).toEqual([null, null, null]);
});

test("only the one meant changes, and an empty file has no percent to divide by", () => {
  const uploads = changed([upload(1), upload(2)], 2, () => ({ state: "done", sentBytes: 1000 }));
  expect(uploads.map(({ state }) => state)).toEqual(["waiting", "done"]);
  expect(uploads.map(percentOf)).toEqual([0, 100]);
  expect(percentOf(upload(3, { sizeBytes: 0 }))).toBe(0);
  expect(unfinished(uploads).map(({ id }) => id)).toEqual([1]);
});
