import { expect, test } from "vitest";
import { nextPlace, RestoreBudget } from "../ts/element/watermark-rules.js";

const sequence = (...values: number[]) => {
  let at = 0;
  return () => values[at++ % values.length] ?? 0;
};

test("a watermark goes anywhere within the edges, and never stays near where it was", () => {
  let place = { x: 0.5, y: 0.5 };
  const quarters = new Set<string>();
  for (let step = 0; step < 2_000; step += 1) {
    const next = nextPlace(place, Math.random);
    expect(Math.min(next.x, next.y)).toBeGreaterThanOrEqual(0);
    expect(Math.max(next.x, next.y)).toBeLessThanOrEqual(1);
    expect(Math.hypot(next.x - place.x, next.y - place.y)).toBeGreaterThan(0.25);
    quarters.add(`${next.x < 0.5}${next.y < 0.5}`);
    place = next;
  }
  expect(quarters.size).toBe(4);
});

test("a random source that always says the same moves it all the same", () => {
  for (const stuck of [0, 0.5, 0.999]) {
    const first = nextPlace({ x: 0.5, y: 0.5 }, sequence(stuck));
    const second = nextPlace(first, sequence(stuck));
    expect(second).not.toEqual(first);
  }
});

test("it is put back five times within ten seconds, and again later", () => {
  const budget = new RestoreBudget();
  expect([0, 1, 2, 3, 4, 5].map((secs) => budget.spend(secs * 1_000))).toEqual([true, true, true, true, true, false]);
  const patient = new RestoreBudget();
  expect(Array.from({ length: 50 }, (_, turn) => patient.spend(turn * 2_001)).every(Boolean)).toBe(true);
});
