import { useEffect, useState } from "preact/hooks";
import { dateTime, dateTimeExact, fromNow, NOTHING } from "../../shared/format.ts";

/** How long ago or ahead; the exact time on pointing at it and for machines. */
export function Ago({ at }: { at: number | null }) {
  const now = useNow();
  if (at === null) return <span>{NOTHING}</span>;
  return (
    <time dateTime={iso(at)} title={dateTimeExact(at)}>
      {fromNow(at, now)}
    </time>
  );
}

export function When({ at, exact = false }: { at: number | null; exact?: boolean }) {
  if (at === null) return <span>{NOTHING}</span>;
  return <time dateTime={iso(at)}>{exact ? dateTimeExact(at) : dateTime(at)}</time>;
}

/** Seconds since 1970, anew now and then. */
export function useNow(everyMs = 30_000): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now() / 1000), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return now;
}

function iso(at: number): string {
  return new Date(at * 1000).toISOString();
}
