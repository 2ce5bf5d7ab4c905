/** The logo mark: a play triangle seen through a veil. `public/mark.svg` is the same drawing as a favicon. */
export function mark(): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "mark");
  svg.setAttribute("aria-hidden", "true");
  for (const shape of MARK_STRIPS) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", shape);
    svg.append(path);
  }
  return svg;
}

const SVG = "http://www.w3.org/2000/svg";
export const MARK_STRIPS = [
  "M3 2.5 8 5v14l-5 2.5z",
  "m9.6 5.8 3.1 1.55v9.3L9.6 18.2z",
  "m14.3 8.15 2.6 1.3v5.1l-2.6 1.3z",
  "m18.5 10.25 2.1 1.05v1.4l-2.1 1.05z",
];
