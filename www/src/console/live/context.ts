import { createContext } from "preact";
import { useContext, useEffect, useRef } from "preact/hooks";
import { Failure } from "../../shared/failure.ts";
import type { Title } from "../api/titles.ts";
import type { Changes } from "./changes.ts";

export const ChangesContext = createContext<Changes | null>(null);

/** The stream of the application in use. */
export function useChanges(): Changes {
  const changes = useContext(ChangesContext);
  if (changes === null) throw new Failure("internal");
  return changes;
}

/** Calls `listener` with changes as long as the component is drawn. */
export function useEachChange(listener: (changes: readonly Title[]) => void): void {
  const changes = useChanges();
  const current = useRef(listener);
  current.current = listener;
  useEffect(() => changes.follow((titles) => current.current(titles)), [changes]);
}
