import { place, replaceQuery, usePlace } from "../router.ts";

/** A filter that stands in the address, so that a reload or a link shows the same; empty when it is not set. */
export function useQueryText(name: string): readonly [string, (value: string) => void] {
  const { query } = usePlace();
  const set = (value: string): void => {
    const next = new URLSearchParams(place.get().query);
    if (value === "") next.delete(name);
    else next.set(name, value);
    replaceQuery(next);
  };
  return [query.get(name) ?? "", set];
}

/** Takes filters out of the address. */
export function clearQuery(...names: string[]): void {
  const next = new URLSearchParams(place.get().query);
  for (const name of names) next.delete(name);
  replaceQuery(next);
}
