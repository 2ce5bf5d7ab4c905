// Plots as SVG text. d3's scales and shapes: they choose readable ticks and need no browser.
import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";

const SIZE = { width: 720, height: 400, left: 72, right: 180, top: 48, bottom: 56 };
/** Told apart by colour-blind readers too (Okabe and Ito's palette). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
/** Wider ranges than this are drawn by their orders of magnitude. */
const LOG_FROM = 50;

const escaped = (text) => String(text).replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

function scaleFor(numbers, range) {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  if (least > 0 && most / least > LOG_FROM) return scaleLog([least, most], range).nice();
  // From 0 on, so that what is flat looks flat.
  return scaleLinear([Math.min(0, least), most > 0 ? most * 1.05 : 1], range).nice();
}

const tickText = (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e4 ? `${value / 1e3}k` : String(value));

/** Powers of ten only where all ticks of a logarithmic axis would stand on each other. */
function ticksOf(scale) {
  const ticks = scale.ticks(6);
  return ticks.length <= 8 ? ticks : ticks.filter((tick) => Number.isInteger(Math.log10(tick)));
}

function axes(x, y, names) {
  const { width, height, left, right, top, bottom } = SIZE;
  const [end, base] = [width - right, height - bottom];
  const parts = [];
  for (const tick of ticksOf(y)) {
    const at = y(tick).toFixed(1);
    parts.push(`<line x1="${left}" x2="${end}" y1="${at}" y2="${at}" stroke="#ddd"/>`);
    parts.push(`<text x="${left - 8}" y="${at}" text-anchor="end" dominant-baseline="middle">${tickText(tick)}</text>`);
  }
  for (const tick of ticksOf(x)) {
    const at = x(tick).toFixed(1);
    parts.push(`<line x1="${at}" x2="${at}" y1="${base}" y2="${base + 5}" stroke="#333"/>`);
    parts.push(`<text x="${at}" y="${base + 20}" text-anchor="middle">${tickText(tick)}</text>`);
  }
  parts.push(`<line x1="${left}" x2="${end}" y1="${base}" y2="${base}" stroke="#333"/>`);
  parts.push(`<text x="${(left + end) / 2}" y="${height - 12}" text-anchor="middle">${escaped(names.x)}</text>`);
  parts.push(`<text x="${left}" y="${top - 10}">${escaped(names.y)}</text>`);
  return parts;
}

/** `series`: [{ name, x: number[], y: number[] }]; `axes`: { x, y }, their names with units. */
export function plotOf(title, series, names) {
  const { width, height, left, right, top, bottom } = SIZE;
  const x = scaleFor(
    series.flatMap((one) => one.x),
    [left, width - right],
  );
  const y = scaleFor(
    series.flatMap((one) => one.y),
    [height - bottom, top],
  );
  const parts = axes(x, y, names);
  for (const [at, one] of series.entries()) {
    const colour = COLOURS[at % COLOURS.length];
    const points = one.x.map((value, index) => [x(value), y(one.y[index])]);
    parts.push(`<path d="${line()(points)}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [cx, cy] of points)
      parts.push(`<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="3" fill="${colour}"/>`);
    const key = top + 20 * at;
    parts.push(`<rect x="${width - right + 16}" y="${key - 6}" width="12" height="12" fill="${colour}"/>`);
    parts.push(`<text x="${width - right + 34}" y="${key}" dominant-baseline="middle">${escaped(one.name)}</text>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${left}" y="20" font-size="15" font-weight="600">${escaped(title)}</text>
${parts.join("\n")}
</svg>
`;
}
