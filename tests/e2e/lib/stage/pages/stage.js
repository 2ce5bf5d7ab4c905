// What every page of the stage has in `window.stage`: one player by the same few names, and what happened to its video.

/** What to play: `psign` and `level`, or `playlist`. */
export const asked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
/** For every hls.js: a small title is else in the buffer at once, and nothing is left to load. */
export const SETTINGS = { maxBufferLength: 20, maxMaxBufferLength: 20 };

const seen = { waiting: 0, emptied: 0, returns: [] };
/** What browsers are given by `createObjectURL` and have not been asked to forget. */
const urls = new Set();
const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (object) => {
  const url = createObjectURL.call(URL, object);
  urls.add(url);
  return url;
};
URL.revokeObjectURL = (url) => {
  urls.delete(url);
  revokeObjectURL.call(URL, url);
};

export let video = null;
export function watch(element) {
  video = element;
  element.muted = true;
  let last = 0;
  let leftAt = null;
  element.addEventListener("timeupdate", () => {
    if (leftAt === null) last = element.currentTime;
  });
  element.addEventListener("waiting", () => {
    seen.waiting += 1;
  });
  element.addEventListener("emptied", () => {
    seen.emptied += 1;
    leftAt ??= last;
  });
  element.addEventListener("playing", () => {
    if (leftAt !== null) seen.returns.push({ left: leftAt, back: element.currentTime });
    leftAt = null;
  });
}
watch(document.querySelector("video"));

export function onStage(player) {
  window.stage = {
    ...player,
    errors: [],
    seen,
    get video() {
      return video;
    },
    blobUrls: () => urls.size,
    /** Resolves to the moment of the next frame from `secs` on. */
    frame: (secs = 0) =>
      new Promise((resolve) => {
        const next = () =>
          video.requestVideoFrameCallback((_now, { mediaTime, presentationTime }) => {
            if (mediaTime >= secs - 0.1) resolve(presentationTime);
            else next();
          });
        next();
      }),
    /** Resolves once playback is behind `secs`, or has ended with an error. */
    behind: (secs) =>
      new Promise((resolve) => {
        const look = () => {
          const isThere = video.currentTime > secs && !video.seeking && video.readyState > 2;
          const failed = window.stage.errors.some(({ fatal }) => fatal);
          if (isThere || failed) resolve(isThere);
          else setTimeout(look, 100);
        };
        look();
      }),
    isBuffered: (secs) => {
      const { buffered } = video;
      return Array.from(
        { length: buffered.length },
        (_, at) => buffered.start(at) <= secs && secs < buffered.end(at),
      ).some(Boolean);
    },
  };
}
