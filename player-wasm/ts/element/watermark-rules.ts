/** Where a watermark goes next, and how often it is put back. */

/** Parts of the way from the left and the top edge to the opposite one. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

const EDGE = 0.04;
const DISTANCE_MIN = 0.3;

/** Anywhere within the edges, but not near where it was: a crop that leaves one place out must not leave out the next. */
export function nextPlace(from: Place, random: () => number): Place {
  const anywhere = () => EDGE + random() * (1 - 2 * EDGE);
  for (let tries = 0; tries < 8; tries += 1) {
    const place = { x: anywhere(), y: anywhere() };
    if (Math.hypot(place.x - from.x, place.y - from.y) >= DISTANCE_MIN) return place;
  }
  return { x: 1 - from.x, y: from.y < 0.5 ? 1 - EDGE : EDGE };
}

const RESTORES_MAX = 5;
const RESTORE_SPAN_MS = 10_000;

/** How often it may be put back within a while: more is a fight that only costs, and that the other side wins. */
export class RestoreBudget {
  #restores: number[] = [];

  /** False when there was too much of it. */
  spend(nowMs: number): boolean {
    this.#restores = this.#restores.filter((at) => nowMs - at < RESTORE_SPAN_MS);
    this.#restores.push(nowMs);
    return this.#restores.length <= RESTORES_MAX;
  }
}
