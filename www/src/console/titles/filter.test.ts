import { expect, test } from "vitest";
import { parseLabels } from "../uploads/labels.ts";
import { filterQuery, isFiltered, NO_FILTER, parseFilter } from "./filter.ts";

test("a filter survives its address", () => {
  const filter = { search: "a & b", states: ["ready", "failed"], labels: ["x", "y,z"], sort: "-name" } as const;
  expect(parseFilter(new URLSearchParams(filterQuery(filter).toString()))).toEqual(filter);
  expect(filterQuery(NO_FILTER).toString()).toBe("");
});

test("what an address can't mean is left out", () => {
  const parsed = parseFilter(new URLSearchParams("state=gone&state=ready&sort=__proto__&label="));
  expect(parsed).toEqual({ ...NO_FILTER, states: ["ready"] });
  expect([isFiltered(parsed), isFiltered(NO_FILTER)]).toEqual([true, false]);
});

test("labels are separated by commas of both scripts, once each", () => {
  expect(parseLabels(" course, 2026,course，夏季 ,, ")).toEqual(["course", "2026", "夏季"]);
  expect(parseLabels(" , ")).toEqual([]);
});
