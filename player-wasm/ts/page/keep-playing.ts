/**
 * Plays on where a source was made anew. A browser pauses what it can't decode, and a source that is taken away is paused with it: neither
 * is what viewer or application asked for. hls.js recovers from much by itself, so this goes by what happens to the video.
 */
export function keepPlaying(video: HTMLVideoElement, signal: AbortSignal): void {
  let isWanted = false;
  let hadMedia = false;
  const on = (type: string, listener: () => void) => video.addEventListener(type, listener, { signal });
  on("play", () => {
    isWanted = true;
  });
  on("pause", () => {
    if (!video.error) isWanted = false;
  });
  on("loadedmetadata", () => {
    // The first time, it is for whoever attached to say.
    if (hadMedia && isWanted) video.play().catch(() => undefined);
    hadMedia = true;
  });
}
