/** Makes the engine of a level. hls.js is loaded where it runs on the page, and only then. */
import type { EngineTracks } from "../engine-messages.js";
import { KeyveilError } from "../errors.js";
import type { LoaderConstructor } from "../hls/loaders.js";
import type { SdkLevel } from "../protocol.js";
import type { AttachOptions } from "./attach-options.js";
import type { Engine } from "./engine.js";
import { plainSettings } from "./level.js";
import { SealedEngine, type SealedEngineEvents } from "./sealed-engine.js";
import type { KeyveilTitle } from "./title.js";

export interface EngineStart {
  readonly title: KeyveilTitle;
  readonly video: HTMLVideoElement;
  readonly options: AttachOptions;
  /** Seconds; -1: the beginning. */
  readonly startPosition: number;
  /** What an engine before this one had chosen. */
  readonly chosen: EngineTracks | null;
}

export type MakeEngine = (start: EngineStart, events: SealedEngineEvents) => Engine;

/** Before anything is asked for: without MSE the browser would be handed ciphertext. */
export async function prepareEngine(level: SdkLevel): Promise<MakeEngine> {
  if (level === "sealed") return makeSealed;
  const [{ PageEngine }, { hlsSettings }] = await Promise.all([
    import("./page-engine.js"),
    import("../hls/settings.js"),
  ]).catch((cause) => {
    throw new KeyveilError("network", "The player's own files can't be loaded.", { cause, fatal: true });
  });
  if (!PageEngine.isSupported()) throw new KeyveilError("unsupported_browser");
  return ({ title, video, options, startPosition }, events) => {
    const { hls, hlsWorkerUrl } = options;
    const loader = hls?.loader as LoaderConstructor | undefined;
    // What is fMP4 already needs no transmuxing: a worker for it would be one more file to wait for.
    const enableWorker = title.info.container !== "fmp4";
    const settings = { enableWorker, ...hls, ...hlsSettings(title, title.info.mode, loader) };
    const playlistUrl = () => title.playlistUrl;
    const engine = new PageEngine({ video, playlistUrl, startPosition, settings, hlsWorkerUrl }, events);
    title.followLimits((playback) => engine.leaveOut(playback));
    return engine;
  };
}

const makeSealed: MakeEngine = ({ title, video, options, startPosition, chosen }, events) => {
  const settings = plainSettings(options.hls ?? {}) ?? {};
  return new SealedEngine({ video, link: title, startPosition, settings, chosen }, events);
};
