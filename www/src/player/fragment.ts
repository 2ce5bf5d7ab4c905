/** What the page is to play, from `/player/#file=<file id>&psign=<jwt>[&level=guarded]`. A fragment never reaches a server or its log. */
export interface PlayerFragment {
  readonly fileId: string | null;
  readonly psign: string;
  /** Asks for a lower level of playback than the browser can; null plays at the highest. */
  readonly level: "guarded" | null;
}

/** Null when there is no signature. Its form is left to the key server, which answers with a code that says what is wrong. */
export function parseFragment(hash: string): PlayerFragment | null {
  if (hash.length > FRAGMENT_CHARS_MAX) return null;
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const psign = fields.get("psign");
  if (psign === null || psign === "") return null;
  return { fileId: fields.get("file") || null, psign, level: fields.get("level") === "guarded" ? "guarded" : null };
}

const FRAGMENT_CHARS_MAX = 16_384;
