/**
 * Which of an application's settings for hls.js hold in a sealed worker: numbers and switches that hls.js has by default, and
 * how long it waits and tries. Whatever else there is, loaders and addresses above all, could take media out of here.
 */
import Hls, { type HlsConfig } from "hls.js";
import type { Plain, PlainSettings } from "../../engine-messages.js";

/** Things that a worker has not, or that would undo what the level promises. */
const FORCED = {
  // This is a worker already: transmuxing stays here, and no other one is made.
  enableWorker: false,
  workerPath: null,
  // It is put into a <source>, which only a page can make.
  preferManagedMediaSource: false,
  // Captions' lines are handed out; there are no text tracks to put them and other timed data into.
  renderTextTracksNatively: false,
  enableID3MetadataCues: false,
  enableEmsgMetadataCues: false,
  enableDateRangeMetadataCues: false,
  // Parsing it takes a DOM.
  enableIMSC1: false,
  emeEnabled: false,
  // It would play another title in between with this one's loaders (`KeyveilTitle.hlsConfig`).
  enableInterstitialPlayback: false,
} as const satisfies Partial<HlsConfig>;

const LOAD_POLICY = /^[a-zA-Z]+LoadPolicy$/;
/** Numbers that hls.js has no default for. */
const OPTIONAL_NUMBERS = ["startLevel"];

const DEFAULTS: ReadonlyMap<string, unknown> = new Map(Object.entries(Hls.DefaultConfig));

/** `refused` hears the name of each that is left out. */
export function engineSettings(settings: PlainSettings, refused: (name: string) => void): Partial<HlsConfig> {
  const allowed = Object.entries(settings).filter(([name, value]) => {
    const isAllowed = !Object.hasOwn(FORCED, name) && isAllowedValue(name, value);
    if (!isAllowed) refused(name);
    return isAllowed;
  });
  return { ...Object.fromEntries(allowed), ...FORCED };
}

function isAllowedValue(name: string, value: Plain): boolean {
  if (OPTIONAL_NUMBERS.includes(name)) return isNumber(value);
  const preset = DEFAULTS.get(name);
  if (typeof preset === "number") return isNumber(value);
  if (typeof preset === "boolean") return typeof value === "boolean";
  return LOAD_POLICY.test(name) && isPolicy(preset) && isPolicy(value);
}

/** `Infinity` is a value that hls.js knows. */
function isNumber(value: Plain): boolean {
  return typeof value === "number" && !Number.isNaN(value);
}

function isPolicy(value: unknown): boolean {
  const preset = (value as { default?: { maxLoadTimeMs?: unknown } | null } | null | undefined)?.default;
  return typeof preset?.maxLoadTimeMs === "number";
}
