import { SORTS, type Sort, TITLE_STATES, type TitleFilter } from "../api/titles.ts";

export const NO_FILTER: TitleFilter = { search: "", states: [], labels: [], sort: "-createdAt" };

/** The filter that an address holds; what it can't be is left out. */
export function parseFilter(query: URLSearchParams): TitleFilter {
  const sort = query.get("sort") ?? "";
  const known = SORTS.some((field) => sort === field || sort === `-${field}`);
  return {
    search: (query.get("search") ?? "").slice(0, 200),
    states: TITLE_STATES.filter((state) => query.getAll("state").includes(state)),
    labels: query.getAll("label").filter((label) => label !== ""),
    sort: known ? (sort as Sort) : NO_FILTER.sort,
  };
}

/** The filter as an address holds it. */
export function filterQuery({ search, states, labels, sort }: TitleFilter): URLSearchParams {
  const query = new URLSearchParams();
  if (search !== "") query.set("search", search);
  for (const state of states) query.append("state", state);
  for (const label of labels) query.append("label", label);
  if (sort !== NO_FILTER.sort) query.set("sort", sort);
  return query;
}

export function isFiltered({ search, states, labels }: TitleFilter): boolean {
  return search !== "" || states.length > 0 || labels.length > 0;
}
