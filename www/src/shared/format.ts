import { language } from "../i18n/i18n.ts";

/** What stands where there is nothing to tell. */
export const NOTHING = "–";

/** `83000` → `1:23`; hours only when there are some. */
export function clock(durationMs: number): string {
  const secs = Math.max(0, Math.round(durationMs / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(secs / 3600);
  const minutes = Math.floor((secs % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(secs % 60)}` : `${minutes}:${two(secs % 60)}`;
}

/** `12.34` → `12 ms`; below ten one decimal is kept. Nothing takes no time at all: `0.02` → `< 0.1 ms`. */
export function millis(ms: number): string {
  if (ms < 0.05) return "< 0.1 ms";
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** `1536000` → `1.5 MB`: three figures at most, in powers of 1000 as disks are sold. */
export function bytes(count: number): string {
  let size = Math.max(0, count);
  let unit = 0;
  while (size >= 999.5 && unit < BYTE_UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 99.95 ? 0 : 1;
  const number = new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(size);
  return `${number} ${BYTE_UNITS[unit]}`;
}

/** `2500000` → `2.5 Mbit/s`. */
export function bitRate(bitsPerSec: number): string {
  const mega = bitsPerSec >= 1_000_000;
  const number = new Intl.NumberFormat(locale(), { maximumFractionDigits: mega ? 1 : 0 });
  return `${number.format(bitsPerSec / (mega ? 1_000_000 : 1000))} ${mega ? "Mbit/s" : "kbit/s"}`;
}

/** `1234` → `1,234`. */
export function count(n: number): string {
  return new Intl.NumberFormat(locale()).format(n);
}

/** `41.7` → `42%`: what is not quite done never shows as 100. */
export function percent(of100: number): string {
  const shown = of100 >= 100 ? 100 : Math.min(99, Math.max(0, Math.round(of100)));
  return `${shown}%`;
}

/** A length of time in its two largest units: `5025` → “1 hr 23 min”, “1小时23分钟”. */
export function duration(secs: number): string {
  const whole = Math.max(0, Math.round(secs));
  const parts = DURATION_UNITS.map(([unit, size], index) => {
    const larger = DURATION_UNITS[index - 1]?.[1];
    return { unit, n: Math.floor((larger === undefined ? whole : whole % larger) / size) };
  });
  const first = parts.findIndex(({ n }) => n > 0);
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first, first + 2).filter(({ n }) => n > 0);
  const join = language() === "zh" ? "" : " ";
  return shown
    .map(({ unit, n }) => new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }).format(n))
    .join(join);
}

/** Seconds since 1970 as the reader writes a date and a time. */
export function dateTime(secs: number): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(secs * 1000);
}

/** The same to the second, for logs. */
export function dateTimeExact(secs: number): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(secs * 1000);
}

/** How far off a moment is, in its largest fitting unit: “in 3 hours”, “3小时后”. */
export function fromNow(secs: number, nowSecs: number): string {
  const distance = secs - nowSecs;
  const relative = new Intl.RelativeTimeFormat(locale(), { numeric: "always" });
  const size = Math.abs(distance);
  if (size >= 2 * 86400) return relative.format(Math.trunc(distance / 86400), "day");
  if (size >= 2 * 3600) return relative.format(Math.trunc(distance / 3600), "hour");
  if (size >= 2 * 60) return relative.format(Math.trunc(distance / 60), "minute");
  return relative.format(Math.trunc(distance), "second");
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const DURATION_UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

function locale(): string {
  return language() === "zh" ? "zh-CN" : "en-GB";
}
