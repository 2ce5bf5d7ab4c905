/** What a renewal leaves no keys for (docs/LEVELS.md): hls.js is to play on in what is left. */
import type Hls from "hls.js";
import type { KeyveilError } from "../errors.js";
import { type Playback, parseSegmentRef, type TrackClass, trackClassNumber } from "../protocol.js";
import { playlistRulesOf } from "./playlist-rules.js";

type Levels = Pick<Hls, "levels" | "loadingEnabled" | "stopLoad" | "startLoad" | "removeLevel">;

/** Takes out the levels whose keys the title has no more. Where none is left, they stay, and loads say why they can't be played. */
export function leaveOut(hls: Levels, playback: Playback): void {
  const { denied } = playlistRulesOf(playback);
  const ids = hls.levels.flatMap(({ uri }, id) => ([...denied].some((playlist) => isAt(uri, playlist)) ? id : []));
  if (ids.length === 0 || ids.length === hls.levels.length) return;
  const { loadingEnabled } = hls;
  // What is on its way belongs to a level that may be gone, and hls.js can't go on from such a failure.
  hls.stopLoad();
  // From the last: each removal moves those behind it. A level that the viewer had chosen gives way to the automatic choice.
  for (const id of ids.reverse()) hls.removeLevel(id);
  if (loadingEnabled) hls.startLoad();
}

/** The same error, as one that hls.js gets over by itself where it is about a video of a class that was left out: there is another one. */
export function orLeftOut(error: KeyveilError, reference: string, { title, trackClasses }: Playback): KeyveilError {
  const number = parseSegmentRef(reference)?.trackClass;
  if (error.code !== "key_not_granted" || number === undefined) return error;
  const isLeft = (name: TrackClass) => trackClasses.includes(name);
  const videos = title.renditions.filter(({ kind }) => kind === "video").map(({ trackClass }) => trackClass);
  const wanted = videos.find((name) => trackClassNumber(name) === number);
  return wanted && !isLeft(wanted) && videos.some(isLeft) ? error.withFatal(false) : error;
}

function isAt(uri: string, playlist: string): boolean {
  return uri.replace(/[?#].*$/, "").endsWith(`/${playlist}`);
}
