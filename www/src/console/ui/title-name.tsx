import { useEffect, useState } from "preact/hooks";
import { surroundings } from "../api/call.ts";
import { readTitle } from "../api/titles.ts";
import { href } from "../router.ts";

/** Names by application and file id; a promise while one is on its way. What could not be read has no name. */
const names = new Map<string, Promise<string | null>>();
const NAMES_MAX = 500;
/** One after another: a page of sessions asks for a name or two, not for a burst. */
let last: Promise<unknown> = Promise.resolve();

export function titleName(fileId: string): Promise<string | null> {
  const key = `${surroundings.appId} ${fileId}`;
  const known = names.get(key);
  if (known !== undefined) return known;
  const asked = last
    .then(() => readTitle(fileId))
    .then(
      ({ name }) => name,
      () => null,
    );
  last = asked;
  if (names.size >= NAMES_MAX) names.clear();
  names.set(key, asked);
  return asked;
}

/** The name of the title with this id; null until it is known, and when there is none. */
export function useTitleName(fileId: string): string | null {
  const [name, setName] = useState<string | null>(null);
  useEffect(() => {
    let shown = true;
    setName(null);
    if (fileId !== "") titleName(fileId).then((known) => shown && setName(known));
    return () => {
      shown = false;
    };
  }, [fileId]);
  return name;
}

/** A title by its name, with the id below it; the id alone where there is no name to be had. */
export function TitleLink({ fileId }: { fileId: string }) {
  const name = useTitleName(fileId);
  return (
    <div class="two-lines">
      <a class="row-link" href={href("titles", fileId)}>
        {name ?? fileId}
      </a>
      {name !== null && <span class="mono soft small">{fileId}</span>}
    </div>
  );
}
