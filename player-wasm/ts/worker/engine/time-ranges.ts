/** Spans of media time. A worker has no `TimeRanges`, and there is no making one anywhere. */

export interface Span {
  /** Seconds. */
  readonly start: number;
  readonly end: number;
}

/** What stands for a `TimeRanges`. */
export class Spans {
  readonly #spans: readonly Span[];

  constructor(spans: readonly Span[] = []) {
    this.#spans = spans;
  }

  static of(ranges: TimeRanges): Spans {
    return new Spans(Array.from({ length: ranges.length }, (_, i) => ({ start: ranges.start(i), end: ranges.end(i) })));
  }

  get length(): number {
    return this.#spans.length;
  }

  start(index: number): number {
    return this.#at(index).start;
  }

  end(index: number): number {
    return this.#at(index).end;
  }

  /** The span that a time lies in; both of its ends belong to it. */
  around(seconds: number): Span | null {
    return this.#spans.find(({ start, end }) => start <= seconds && seconds <= end) ?? null;
  }

  /** What is in both. */
  intersect(other: Spans): Spans {
    const both = this.#spans.flatMap((one) =>
      other.#spans.map(({ start, end }) => ({ start: Math.max(one.start, start), end: Math.min(one.end, end) })),
    );
    return new Spans(both.filter(({ start, end }) => start < end));
  }

  /** The last span reaches so far at least. */
  extendedTo(seconds: number): Spans {
    const last = this.#spans.at(-1);
    if (!last || last.end >= seconds) return this;
    return new Spans([...this.#spans.slice(0, -1), { start: last.start, end: seconds }]);
  }

  #at(index: number): Span {
    const span = this.#spans[index];
    if (!span) throw new DOMException(`There is no range ${index}.`, "IndexSizeError");
    return span;
  }
}

/** As an element computes it (Media Source Extensions, "HTMLMediaElement buffered"): what all buffers have. */
export function bufferedIn({ sourceBuffers, readyState }: MediaSource): Spans {
  const all = Array.from(sourceBuffers, (buffer) => Spans.of(buffer.buffered)).filter(({ length }) => length > 0);
  if (all.length < sourceBuffers.length || all.length === 0) return new Spans();
  const highest = Math.max(...all.map((spans) => spans.end(spans.length - 1)));
  const reaching = readyState === "ended" ? all.map((spans) => spans.extendedTo(highest)) : all;
  return reaching.reduce((both, spans) => both.intersect(spans));
}
