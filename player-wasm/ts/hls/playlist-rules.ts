/** What a title's playlists may hold, and which of them the signature gives no keys for. */
import { type Playback, trackClassNumber } from "../protocol.js";
import type { PlaylistRules } from "./playlist.js";

export function playlistRulesOf({ title, trackClasses, maxTrack }: Playback): PlaylistRules {
  // Nothing is granted ahead for a standard title.
  const max = title.mode === "standard" ? trackClassNumber(maxTrack ?? "") : null;
  const denied = title.renditions.filter(({ trackClass }) => {
    if (title.mode === "private") return !trackClasses.includes(trackClass);
    return max !== null && (trackClassNumber(trackClass) ?? 0) > max;
  });
  return {
    isPrivate: title.mode === "private",
    clearLead: title.clearLeadSegments,
    denied: new Set(denied.map(({ playlist }) => playlist)),
  };
}
