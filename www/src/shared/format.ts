import { language } from "../i18n/i18n.ts";

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

/** Seconds since 1970 as the reader writes a date and a time. */
export function dateTime(secs: number): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(secs * 1000);
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

function locale(): string {
  return language() === "zh" ? "zh-CN" : "en-GB";
}
