/** At which level a title is played here (docs/LEVELS.md), and why at no higher one. */
import type { Plain, PlainSettings } from "../engine-messages.js";
import type { Downgrade, SdkLevel } from "../protocol.js";

/** What `/v1/play` is told. */
export type LevelChoice =
  | { readonly level: "sealed"; readonly downgrade: null }
  | { readonly level: "guarded"; readonly downgrade: Downgrade };

export interface LevelWishes {
  /** What the page asked for; missing: the highest that goes. */
  readonly level?: SdkLevel | undefined;
  /** Its settings for hls.js. */
  readonly hls?: object | undefined;
}

/** Of the browser, as far as it matters. */
interface MediaScope {
  readonly MediaSource?: { readonly canConstructInDedicatedWorker?: boolean } | undefined;
  readonly MediaSourceHandle?: unknown;
}

/** Objects in settings nest no deeper than this; a circle does. */
const DEPTH_MAX = 8;

export const OWN_HLS: LevelChoice = { level: "guarded", downgrade: "own_hls" };

export function chooseLevel({ level, hls }: LevelWishes, scope: MediaScope = globalThis as MediaScope): LevelChoice {
  if (level === "guarded") return { level, downgrade: "application" };
  if (!hasWorkerMedia(scope)) return { level: "guarded", downgrade: "browser" };
  if (hls && !plainSettings(hls)) return { level: "guarded", downgrade: "hls_settings" };
  return { level: "sealed", downgrade: null };
}

function hasWorkerMedia({ MediaSource, MediaSourceHandle }: MediaScope): boolean {
  return MediaSource?.canConstructInDedicatedWorker === true && MediaSourceHandle !== undefined;
}

/** A copy that can go to a worker; null where something in it can't. Settings that are undefined are none. */
export function plainSettings(settings: object): PlainSettings | null {
  try {
    return plain(settings, DEPTH_MAX) as PlainSettings;
  } catch (thrown) {
    if (thrown instanceof NotPlain) return null;
    throw thrown;
  }
}

class NotPlain extends Error {}

function plain(value: unknown, depth: number): Plain {
  if (value === null || ["boolean", "number", "string"].includes(typeof value)) return value as Plain;
  if (typeof value !== "object" || depth === 0) throw new NotPlain();
  if (Array.isArray(value)) return value.map((one) => plain(one, depth - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new NotPlain();
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one, depth - 1)]));
}
