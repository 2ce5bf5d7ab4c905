import { expect, test } from "vitest";
import type { Title, TitleFilter } from "../api/titles.ts";
import { fits, merged, refreshed, type Shown } from "./merge.ts";

const title = (fileId: string, createdAt: number, more: Partial<Title> = {}): Title => ({
  fileId,
  appId: 1,
  name: fileId,
  description: "",
  labels: [],
  mode: "private",
  state: "published",
  percent: null,
  leftSecs: null,
  failure: null,
  workflowId: null,
  version: 1,
  durationMs: null,
  sizeBytes: null,
  storedBytes: null,
  fileName: null,
  coverUrl: null,
  spritesUrl: null,
  job: null,
  createdAt,
  updatedAt: createdAt,
  publishedAt: null,
  changeSeq: createdAt,
  ...more,
});

const ALL: TitleFilter = { search: "", states: [], labels: [], sort: "-createdAt" };
const shown = (more: Partial<Shown> = {}): Shown => ({ filter: ALL, hasMore: false, held: null, ...more });
const ids = (titles: readonly Title[]): string => titles.map(({ fileId }) => fileId).join(" ");

const list = [title("c", 30), title("b", 20), title("a", 10)];

test("a row that changes keeps its place", () => {
  const after = merged(list, [title("b", 20, { name: "new", changeSeq: 99 })], shown());
  expect(ids(after)).toBe("c b a");
  expect(after[1]?.name).toBe("new");
});

test("an older change does not undo a newer one", () => {
  expect(merged(list, [title("b", 20, { name: "old", changeSeq: 19 })], shown())).toBe(list);
});

test("a new title comes in where it belongs", () => {
  expect(ids(merged(list, [title("d", 40)], shown()))).toBe("d c b a");
  expect(ids(merged(list, [title("m", 25)], shown()))).toBe("c m b a");
  const byName = shown({ filter: { ...ALL, sort: "name" } });
  expect(ids(merged([title("a", 1), title("c", 2)], [title("b", 3)], byName))).toBe("a b c");
});

test("behind the last row a title is added only when no more pages follow", () => {
  const late = [title("z", 5)];
  expect(ids(merged(list, late, shown()))).toBe("c b a z");
  expect(ids(merged(list, late, shown({ hasMore: true })))).toBe("c b a");
});

test("what no longer fits leaves, except the row under the hands; what is deleted leaves always", () => {
  const filter = { ...ALL, states: ["published"] as const };
  const failed = [title("b", 20, { state: "failed", changeSeq: 99 })];
  expect(ids(merged(list, failed, shown({ filter })))).toBe("c a");
  expect(ids(merged(list, failed, shown({ filter, held: "b" })))).toBe("c b a");
  const deleted = [title("b", 20, { state: "deleted", changeSeq: 99 })];
  expect(ids(merged(list, deleted, shown({ filter, held: "b" })))).toBe("c a");
  expect(ids(merged(list, [title("x", 50, { state: "deleted" })], shown()))).toBe("c b a");
});

test("a filter is the server's: name, description, id; any state and any label of those chosen", () => {
  const one = title("kiln-7", 1, { name: "Kiln", description: "Graded", labels: ["course", "2026"] });
  const filter = (more: Partial<TitleFilter>): boolean => fits(one, { ...ALL, ...more });
  expect([filter({ search: "kiL" }), filter({ search: "graded" }), filter({ search: "7" })]).toEqual([
    true,
    true,
    true,
  ]);
  expect(filter({ search: "harbour" })).toBe(false);
  expect([filter({ states: ["ready", "published"] }), filter({ states: ["ready"] })]).toEqual([true, false]);
  expect([filter({ labels: ["2026", "x"] }), filter({ labels: ["x"] })]).toEqual([true, false]);
});

test("a page that was read before a change shows the change", () => {
  const latest = new Map([
    ["b", title("b", 20, { name: "newer", changeSeq: 99 })],
    ["a", title("a", 10, { state: "deleted", changeSeq: 98 })],
    ["c", title("c", 30, { name: "older", changeSeq: 1 })],
  ]);
  expect(refreshed(list, latest).map(({ name }) => name)).toEqual(["c", "newer"]);
});
