/** Where a title is played (docs/LEVELS.md), highest first. */
export const LEVELS = ["sealed", "guarded", "standard"] as const;
export type Level = (typeof LEVELS)[number];

/** Null for what is no level: clear titles have none, and a server may know more than this page. */
export function levelIn(value: unknown): Level | null {
  return LEVELS.find((level) => level === value) ?? null;
}
