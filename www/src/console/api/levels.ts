import type { Level } from "../../shared/level.ts";
import type { TrackClass } from "./titles.ts";

export type { Level } from "../../shared/level.ts";

/** What a level below the least allowed one gets: nothing, or the highest track class that it may have. */
export const BELOW_MIN_LEVEL = ["refuse", "AUDIO", "SD", "HD", "UHD"] as const satisfies readonly (
  | "refuse"
  | TrackClass
)[];
export type BelowMinLevel = (typeof BELOW_MIN_LEVEL)[number];

/** Why a session is not sealed. */
export type Downgrade = "browser" | "application" | "own_hls" | "hls_settings" | "old_player";

/** The level of a session; both null where there was none. */
export interface SessionLevel {
  /** As the player said it. */
  readonly level: Level | null;
  readonly downgrade: Downgrade | null;
}
