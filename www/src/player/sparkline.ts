const WIDTH = 120;
const HEIGHT = 30;
const SVG = "http://www.w3.org/2000/svg";

/** A small line of the last durations. Its meaning is in the label; the line is for the eye. */
export class Sparkline {
  readonly element: SVGSVGElement;
  readonly #line: SVGPolylineElement;
  readonly #end: SVGCircleElement;

  constructor() {
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("class", "spark");
    this.element.setAttribute("role", "img");
    this.#line = document.createElementNS(SVG, "polyline");
    this.#end = document.createElementNS(SVG, "circle");
    this.#end.setAttribute("r", "2.4");
    this.element.append(this.#line, this.#end);
  }

  draw(values: readonly number[], label: string): void {
    this.element.setAttribute("aria-label", label);
    const last = values.at(-1);
    // An SVG has no `hidden` of its own; the class keeps its place, so that the panel does not jump.
    this.element.classList.toggle("blank", last === undefined);
    if (last === undefined) return;
    const points = sparkPoints(values);
    this.#line.setAttribute("points", points.map(([x, y]) => `${x},${y}`).join(" "));
    const [x, y] = points.at(-1) ?? [0, 0];
    this.#end.setAttribute("cx", String(x));
    this.#end.setAttribute("cy", String(y));
  }
}

/** From zero up, newest at the right edge; `SLOTS` values fill the width. */
export function sparkPoints(values: readonly number[]): [number, number][] {
  const top = Math.max(...values, 1);
  const step = (WIDTH - 6) / (SLOTS - 1);
  const shown = values.slice(-SLOTS);
  return shown.map((value, index) => {
    const x = WIDTH - 3 - (shown.length - 1 - index) * step;
    const y = HEIGHT - 3 - (value / top) * (HEIGHT - 6);
    return [Math.round(x * 10) / 10, Math.round(y * 10) / 10];
  });
}

const SLOTS = 40;
