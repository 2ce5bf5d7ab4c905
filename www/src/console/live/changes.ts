import { queryText } from "../api/call.ts";
import { listTitles, type Title } from "../api/titles.ts";

type Listener = (changes: readonly Title[]) => void;

/**
 * The application's titles as they change, for as long as the console is open: one stream for all pages. It begins before any list is read, and
 * remembers what came lately, so that no change falls between a list and the stream. A page that nobody sees holds no stream: browsers keep six
 * connections to a server, and one for each open tab would leave none for the rest.
 */
export class Changes {
  /** Settles when a list may be read. */
  readonly ready: Promise<void>;
  /** By file id; the latest only. */
  readonly latest = new Map<string, Title>();
  readonly #appId: number;
  readonly #listeners = new Set<Listener>();
  readonly #over = new AbortController();
  #source: EventSource | null = null;
  #since = 0;
  #failures = 0;
  #waiting: Title[] = [];
  #timer = 0;

  constructor(appId: number) {
    this.#appId = appId;
    document.addEventListener("visibilitychange", () => this.#seen(), { signal: this.#over.signal });
    this.ready = this.#begin();
  }

  /** Calls with changes, oldest first, at most a few times a second. Answers how to stop. */
  follow(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What an act of this page answered: shown at once, and not undone by an older change. */
  tell(title: Title): void {
    this.#take(title);
  }

  stop(): void {
    this.#over.abort();
    this.#close();
    this.#listeners.clear();
  }

  async #begin(): Promise<void> {
    // The stream begins behind the latest change there is, which may be that of a title no list shows.
    await listTitles(LATEST_FIRST, null, this.#over.signal, 1).then(
      ({ items }) => {
        this.#since = items[0]?.changeSeq ?? 0;
      },
      // The list will say it.
      () => {},
    );
    this.#open();
  }

  #seen(): void {
    if (document.visibilityState === "visible") this.#open();
    else this.#close();
  }

  #close(): void {
    this.#source?.close();
    this.#source = null;
    window.clearTimeout(this.#timer);
  }

  #open(): void {
    if (this.#over.signal.aborted || this.#source !== null || document.visibilityState === "hidden") return;
    const source = new EventSource(`/v1/changes${queryText({ app: this.#appId, since: this.#since })}`);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#failures = 0;
    });
    source.addEventListener("title", (event) => {
      const title = parse(event.data);
      if (title === null) return;
      this.#since = Math.max(this.#since, title.changeSeq);
      this.#take(title);
    });
    source.addEventListener("error", () => {
      // A connection that broke is opened again by the browser; one that was refused is not.
      if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
      this.#source = null;
      this.#failures += 1;
      this.#timer = window.setTimeout(() => void this.#again(), Math.min(AGAIN_MS_MAX, 1000 * 2 ** this.#failures));
    });
  }

  /** A refused stream does not say why: an ordinary call does, and leads to the sign-in when that is over. */
  async #again(): Promise<void> {
    const page = await listTitles(LATEST_FIRST, null, this.#over.signal).catch(() => null);
    if (this.#over.signal.aborted) return;
    for (const title of page?.items.toReversed() ?? []) this.#take(title);
    this.#open();
  }

  #take(title: Title): void {
    const before = this.latest.get(title.fileId);
    if (before !== undefined && before.changeSeq >= title.changeSeq) return;
    this.latest.delete(title.fileId);
    this.latest.set(title.fileId, title);
    const oldest = this.latest.keys().next().value;
    if (this.latest.size > LATEST_MAX && oldest !== undefined) this.latest.delete(oldest);
    this.#waiting.push(title);
    if (this.#waiting.length === 1) window.setTimeout(() => this.#flush(), FLUSH_EVERY_MS);
  }

  #flush(): void {
    const changes = this.#waiting;
    this.#waiting = [];
    for (const listener of [...this.#listeners]) listener(changes);
  }
}

const LATEST_FIRST = { search: "", states: [], labels: [], sort: "-updatedAt" } as const;
const LATEST_MAX = 1000;
const FLUSH_EVERY_MS = 120;
const AGAIN_MS_MAX = 30_000;

function parse(text: string): Title | null {
  try {
    const title = JSON.parse(text) as Title;
    return typeof title.fileId === "string" && typeof title.changeSeq === "number" ? title : null;
  } catch {
    return null;
  }
}
