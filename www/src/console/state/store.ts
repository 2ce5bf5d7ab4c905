import { useEffect, useState } from "preact/hooks";

/** A value that components follow. */
export interface Store<Value> {
  get(): Value;
  set(next: Value): void;
  /** Answers how to stop. */
  subscribe(listener: () => void): () => void;
}

export function store<Value>(initial: Value): Store<Value> {
  const listeners = new Set<() => void>();
  let value = initial;
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The store's value; the component is drawn again whenever it changes. */
export function useStore<Value>(followed: Store<Value>): Value {
  const [, draw] = useState(0);
  const drawn = followed.get();
  useEffect(() => {
    const stop = followed.subscribe(() => draw((n) => n + 1));
    // Effects run after a frame, and what was drawn may be old by then: an answer that came first would be shown by nobody.
    if (!Object.is(drawn, followed.get())) draw((n) => n + 1);
    return stop;
  }, [followed]);
  return drawn;
}
