/** What a page may say about how a title is played on its video. */
import type { HlsConfig } from "hls.js";
import type { SdkLevel } from "../protocol.js";

export interface AttachOptions {
  readonly fileId?: string | undefined;
  /** Where to start, in seconds. */
  readonly position?: number | undefined;
  readonly autoplay?: boolean | undefined;
  /** A W3C `traceparent` whose trace the key server goes on with, or `true` for a trace of its own; default: none. */
  readonly traceparent?: string | boolean | undefined;
  /** `guarded` keeps hls.js on the page; default: that of `createKeyveil`, and then the highest level that the browser can. */
  readonly level?: SdkLevel | undefined;
  /** Settings for hls.js; its loaders stay the player's. With functions in them hls.js stays on the page. */
  readonly hls?: Partial<HlsConfig> | undefined;
  /** Address of hls.js' own worker, where hls.js is on the page; default: beside this module. */
  readonly hlsWorkerUrl?: string | URL | undefined;
}
