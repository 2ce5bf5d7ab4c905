import type { Title, TitleFilter } from "../api/titles.ts";

export interface Shown {
  readonly filter: TitleFilter;
  /** There are titles after the last one shown. */
  readonly hasMore: boolean;
  /** The title whose row has the focus: it is not taken away from under a person's hands. */
  readonly held: string | null;
}

/** The list after changes, oldest first. A row that stays keeps its place; one that fits comes in where it belongs. */
export function merged(items: readonly Title[], changes: readonly Title[], shown: Shown): readonly Title[] {
  return changes.reduce((list, change) => withChange(list, change, shown), items);
}

/** A page as it was read, with what has changed since. */
export function refreshed(items: readonly Title[], latest: ReadonlyMap<string, Title>): readonly Title[] {
  return items.map((item) => newer(item, latest.get(item.fileId))).filter(({ state }) => state !== "deleted");
}

/** Whether the server would list the title under this filter. */
export function fits(title: Title, { search, states, labels }: TitleFilter): boolean {
  const wanted = search.toLowerCase();
  const found = [title.name, title.description, title.fileId].some((text) => text.toLowerCase().includes(wanted));
  return (
    found &&
    (states.length === 0 || states.includes(title.state)) &&
    (labels.length === 0 || labels.some((label) => title.labels.includes(label)))
  );
}

function withChange(items: readonly Title[], change: Title, shown: Shown): readonly Title[] {
  const at = items.findIndex(({ fileId }) => fileId === change.fileId);
  const before = items[at];
  if (before !== undefined && before.changeSeq >= change.changeSeq) return items;
  const stays = change.state !== "deleted" && (fits(change, shown.filter) || change.fileId === shown.held);
  if (before !== undefined) return stays ? items.with(at, change) : items.toSpliced(at, 1);
  if (!stays) return items;
  const place = items.findIndex((item) => comesBefore(change, item, shown.filter.sort));
  if (place !== -1) return items.toSpliced(place, 0, change);
  // Behind all that is shown: there it belongs only when nothing else is to come.
  return shown.hasMore ? items : [...items, change];
}

function comesBefore(a: Title, b: Title, sort: TitleFilter["sort"]): boolean {
  const descending = sort.startsWith("-");
  const field = (descending ? sort.slice(1) : sort) as "createdAt";
  // What is not known yet counts as least, as in the server's order.
  const [x, y] = [a[field] ?? -1, b[field] ?? -1];
  return descending ? x > y : x < y;
}

function newer(item: Title, other: Title | undefined): Title {
  return other !== undefined && other.changeSeq > item.changeSeq ? other : item;
}
