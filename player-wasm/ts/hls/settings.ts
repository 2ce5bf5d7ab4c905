/** The settings of hls.js on the page that a title decides. */
import type { TitleMode } from "../protocol.js";
import {
  createLoaders,
  createStandardLoaders,
  type LoaderConstructor,
  type LoaderHost,
  type Loaders,
} from "./loaders.js";

/**
 * Beside hls.js' own defaults, under the application's settings. Left to itself it would load up to ten minutes ahead where media are
 * small: servers take who asks for keys of so much for a program (docs/PACING.md).
 */
export const HLS_DEFAULTS = { backBufferLength: 30, maxMaxBufferLength: 60 } as const;

/** Settings of hls.js that must stay as they are. */
export interface HlsSettings extends Loaders {
  readonly enableInterstitialPlayback: false;
}

export function hlsSettings(host: LoaderHost, mode: TitleMode, loader?: LoaderConstructor): HlsSettings {
  const loaders = (mode === "standard" ? createStandardLoaders : createLoaders)(host, loader);
  // hls.js would play another title in between with these loaders, its segments counted from 0 again: they would pass for the clear lead.
  return { ...loaders, enableInterstitialPlayback: false };
}
