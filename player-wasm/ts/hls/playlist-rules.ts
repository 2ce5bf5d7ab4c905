/** What a title's playlists may hold, and which of them the signature gives no keys for. */
import { type Playback, trackClassNumber } from "../protocol.js";
import type { PlaylistRules } from "./playlist.js";

export function playlistRulesOf({ title, trackClasses, maxTrack }: Playback, psign: string): PlaylistRules {
  // Nothing is granted ahead for a standard title, so that the server's word or, of an older one, the signature itself must say.
  const max = title.mode === "standard" ? trackClassNumber(maxTrack ?? maxTrackOf(psign) ?? "") : null;
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

/** The highest track class that a signature names, as far as it can be read: whether it holds is the server's affair. */
function maxTrackOf(psign: string): string | null {
  try {
    const [, payload = ""] = psign.split(".");
    const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const maxTrack = claims?.keyveil?.maxTrack;
    return typeof maxTrack === "string" ? maxTrack : null;
  } catch {
    return null;
  }
}
