/** Where the time of a start goes, as `performance` entries (README.md, "Start-up"). */

export type Milestone = "attach" | "worker" | "granted" | "playlist" | "first-frame";

export function mark(milestone: Milestone): void {
  performance.mark(`keyveil:${milestone}`);
}

/** Marks the first frame that the video shows from now on. */
export function markFirstFrame(video: HTMLVideoElement, signal: AbortSignal): void {
  const shown = () => mark("first-frame");
  // What is not there in every browser.
  if (typeof video.requestVideoFrameCallback === "function") video.requestVideoFrameCallback(shown);
  else video.addEventListener("loadeddata", shown, { once: true, signal });
}
