import { useEffect, useRef, useState } from "preact/hooks";
import { type Failure, failureFrom } from "../../shared/failure.ts";

/** An act of the person that takes a while and may fail: at most one at a time. */
export interface Task<Arguments extends unknown[]> {
  readonly pending: boolean;
  readonly failure: Failure | null;
  /** Answers whether it went well. */
  run(...given: Arguments): Promise<boolean>;
  forget(): void;
}

export function useTask<Arguments extends unknown[]>(act: (...given: Arguments) => Promise<unknown>): Task<Arguments> {
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const running = useRef(false);
  return {
    pending,
    failure,
    forget: () => setFailure(null),
    async run(...given) {
      if (running.current) return false;
      running.current = true;
      setPending(true);
      setFailure(null);
      try {
        await act(...given);
        return true;
      } catch (thrown) {
        setFailure(failureFrom(thrown));
        return false;
      } finally {
        running.current = false;
        setPending(false);
      }
    },
  };
}

/** Something that is read from the server. */
export type Loaded<Value> =
  | { readonly kind: "loading" }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "loaded"; readonly value: Value };

export interface Loading<Value> {
  readonly state: Loaded<Value>;
  reload(): void;
  /** What an act answered is newer than what was loaded. */
  replace(value: Value): void;
}

/** Reads when the component appears and whenever `key` changes; `reload` keeps what is shown until the new is there. */
export function useLoaded<Value>(read: (signal: AbortSignal) => Promise<Value>, key: string): Loading<Value> {
  const [state, setState] = useState<Loaded<Value>>({ kind: "loading" });
  const [round, setRound] = useState(0);
  const shown = useRef(key);
  useEffect(() => {
    const own = new AbortController();
    if (shown.current !== key) setState({ kind: "loading" });
    shown.current = key;
    read(own.signal).then(
      (value) => own.signal.aborted || setState({ kind: "loaded", value }),
      (thrown) => {
        if (own.signal.aborted) return;
        // What is shown is worth more than the news that it could not be read again.
        setState((now) => (now.kind === "loaded" ? now : { kind: "failed", failure: failureFrom(thrown) }));
      },
    );
    return () => own.abort();
  }, [key, round]);
  return {
    state: shown.current === key ? state : { kind: "loading" },
    reload() {
      setState((now) => (now.kind === "failed" ? { kind: "loading" } : now));
      setRound((n) => n + 1);
    },
    replace: (value) => setState({ kind: "loaded", value }),
  };
}
