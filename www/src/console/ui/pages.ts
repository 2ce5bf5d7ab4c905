import { useEffect, useRef, useState } from "preact/hooks";
import { type Failure, failureFrom } from "../../shared/failure.ts";
import type { Page } from "../api/call.ts";

/** A list that is read page by page. */
export interface Pages<Item> {
  readonly items: readonly Item[];
  /** `first`: nothing to show yet; `more`: the next page is on its way. */
  readonly loading: "first" | "more" | null;
  readonly failure: Failure | null;
  readonly hasMore: boolean;
  more(): void;
  reload(): void;
  /** Puts in what is newer than what was loaded. */
  update(change: (items: readonly Item[]) => readonly Item[]): void;
}

interface State<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
  readonly loading: Pages<Item>["loading"];
  readonly failure: Failure | null;
}

/** Reads the first page when the component appears and whenever `key` changes: `key` names application, filters and order. */
export function usePages<Item>(
  read: (after: string | null, signal: AbortSignal) => Promise<Page<Item>>,
  key: string,
): Pages<Item> {
  const [state, setState] = useState<State<Item>>({ items: [], next: null, loading: "first", failure: null });
  const [round, setRound] = useState(0);
  const running = useRef<AbortController | null>(null);

  const load = (after: string | null): void => {
    running.current?.abort();
    const own = new AbortController();
    running.current = own;
    setState((now) => ({ ...now, loading: after === null ? "first" : "more", failure: null }));
    read(after, own.signal).then(
      (page) => {
        if (own.signal.aborted) return;
        const before = (now: State<Item>): readonly Item[] => (after === null ? [] : now.items);
        setState((now) => ({ items: [...before(now), ...page.items], next: page.next, loading: null, failure: null }));
      },
      (thrown) => {
        if (own.signal.aborted) return;
        // Rows of another filter must not pass for what was asked for.
        const failed = { loading: null, failure: failureFrom(thrown) };
        setState((now) => (after === null ? { items: [], next: null, ...failed } : { ...now, ...failed }));
      },
    );
  };

  useEffect(() => {
    load(null);
    return () => running.current?.abort();
  }, [key, round]);

  return {
    items: state.items,
    loading: state.loading,
    failure: state.failure,
    hasMore: state.next !== null,
    more: () => state.next !== null && state.loading === null && load(state.next),
    reload: () => setRound((n) => n + 1),
    update: (change) => setState((now) => ({ ...now, items: change(now.items) })),
  };
}
