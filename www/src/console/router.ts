import { store, useStore } from "./state/store.ts";

/**
 * Where the console is: `#/titles/abc?tab=jobs` → path `["titles", "abc"]`. Pages are static files, so the place stands in the fragment.
 */
export interface Place {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

export const place = store<Place>(parsePlace(location.hash));

window.addEventListener("hashchange", () => place.set(parsePlace(location.hash)));

export function usePlace(): Place {
  return useStore(place);
}

/** `href("titles", "a b")` → `#/titles/a%20b`. */
export function href(...path: string[]): string {
  return `#/${path.map(encodeURIComponent).join("/")}`;
}

export function goTo(...path: string[]): void {
  location.hash = href(...path);
}

/** Writes what a page shows into the address, so that a reload or a link shows the same. Makes no step in the history. */
export function replaceQuery(query: URLSearchParams): void {
  const text = query.toString();
  const hash = href(...place.get().path) + (text === "" ? "" : `?${text}`);
  if (hash === location.hash) return;
  history.replaceState(history.state, "", hash);
  place.set(parsePlace(hash));
}

export function parsePlace(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
