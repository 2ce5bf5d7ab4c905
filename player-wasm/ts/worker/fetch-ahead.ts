/**
 * What hls.js is going to ask for first. It reads one playlist to know the next address; here all of them are known at once, and wait in the
 * browser's cache when it asks. Nothing is done with an answer here: whoever asks for it later looks at it as if this had not been.
 */
import type { Playback, Rendition } from "../protocol.js";

/** An address whose token is in its path, so that all below it inherit it (docs/PROTOCOL.md, "Media"). */
const MASTER_PLAYLIST = /^(https?:\/\/[^?#]*\/media\/[^/?#]+\/[^/?#]+\/)[^/?#]+$/;
const MEDIA_PLAYLIST = /^([\w-]+\/)[\w.-]+$/;
/** Beside each playlist of a title in fMP4. */
const INIT_SEGMENT = "init.mp4";

/**
 * hls.js begins with the first variant of the master playlist and its first audio track, which the title names first, too. Where it
 * begins otherwise, some kilobytes came in vain. Playlists of a preview and of standard titles are for no cache.
 */
export function addressesAhead({ title, trackClasses, playlistUrl, preview }: Playback): string[] {
  const [, folder] = MASTER_PLAYLIST.exec(playlistUrl) ?? [];
  if (folder === undefined || preview !== null || title.mode === "standard") return [];
  const isGiven = ({ trackClass }: Rendition) => title.mode !== "private" || trackClasses.includes(trackClass);
  const paths = (["video", "audio"] as const).flatMap((kind) => {
    const { playlist = "" } = title.renditions.find((one) => one.kind === kind && isGiven(one)) ?? {};
    const [path, own] = MEDIA_PLAYLIST.exec(playlist) ?? [];
    if (path === undefined || own === undefined) return [];
    return title.container === "fmp4" ? [path, own + INIT_SEGMENT] : [path];
  });
  return [playlistUrl, ...paths.map((path) => folder + path)];
}

/** A failure is for hls.js to meet, and to try again. */
export function fetchAhead(playback: Playback, credentials: RequestCredentials): void {
  for (const url of addressesAhead(playback)) {
    fetch(url, { credentials })
      // Unread, it would not come into the cache whole.
      .then((answer) => answer.arrayBuffer())
      .catch(() => undefined);
  }
}
