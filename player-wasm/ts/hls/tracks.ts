/** What an hls.js has to choose from, and what is chosen. */
import Hls, { type MediaPlaylist } from "hls.js";
import type { EngineTrack, EngineTracks } from "../engine-messages.js";

export function tracksOf(hls: Hls): EngineTracks {
  return {
    qualities: hls.levels.map(({ name = "", width = 0, height = 0, bitrate }, id) => {
      return { id, name, width, height, bitrate };
    }),
    quality: hls.manualLevel,
    currentQuality: hls.currentLevel,
    audioTracks: hls.audioTracks.map(track),
    audioTrack: hls.audioTrack,
    subtitleTracks: hls.subtitleTracks.map(track),
    subtitleTrack: hls.subtitleTrack,
  };
}

/** Calls `changed` whenever `tracksOf` may give something else. */
export function followTracks(hls: Hls, changed: () => void): void {
  const { Events } = Hls;
  const changes = [
    Events.LEVELS_UPDATED,
    Events.LEVEL_SWITCHED,
    Events.AUDIO_TRACKS_UPDATED,
    Events.AUDIO_TRACK_SWITCHING,
    Events.AUDIO_TRACK_SWITCHED,
    Events.SUBTITLE_TRACKS_UPDATED,
    Events.SUBTITLE_TRACK_SWITCH,
  ] as const;
  for (const change of changes) hls.on(change, () => changed());
}

/** Whether one of them has that id; -1 is the choice of none. hls.js throws at any other. */
export function isChoice(offered: readonly { readonly id: number }[], id: number): boolean {
  return id === -1 || offered.some((one) => one.id === id);
}

/** hls.js takes a track by its place in the list. */
function track({ name, lang }: MediaPlaylist, id: number): EngineTrack {
  return { id, name, language: lang ?? "" };
}
