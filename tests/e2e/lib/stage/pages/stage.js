// What every page of the stage has in `window.stage`: one player by the same few names, and what happened to its video.

/** What to play: `psign` and `level`, or `playlist`; `now`: at once. */
export const asked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
/** For every hls.js: a small title is else in the buffer at once, and nothing is left to load. */
export const SETTINGS = { maxBufferLength: 20, maxMaxBufferLength: 20 };

const seen = { emptied: 0, landed: null, renewals: [] };
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
  element.addEventListener("seeked", () => {
    seen.landed = element.currentTime;
  });
  element.addEventListener("emptied", () => {
    seen.emptied += 1;
    leftAt ??= last;
  });
  // Where a source that was made anew has gone to.
  element.addEventListener("canplay", () => {
    if (leftAt !== null) seen.renewals.push({ left: leftAt, back: element.currentTime });
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
    behind,
    playsOn,
    isBuffered: (secs) => {
      const { buffered } = video;
      return Array.from(
        { length: buffered.length },
        (_, at) => buffered.start(at) <= secs && secs < buffered.end(at),
      ).some(Boolean);
    },
  };
  // A page that plays as soon as it can, as a visitor opens it: nothing is prepared.
  if (asked.now) {
    window.stage.attach();
    window.stage.firstFrame = window.stage.frame();
  }
}

const failed = () => window.stage.errors.some(({ fatal }) => fatal);

/** Resolves once playback is behind `secs`, or has ended with an error: whether it is there. */
async function behind(secs) {
  const isThere = () => video.currentTime > secs && !video.seeking && video.readyState > 2;
  while (!isThere() && !failed()) await new Promise((resolve) => setTimeout(resolve, 100));
  return isThere();
}

/** Plays `secs` on from `from`: how long it took to be going again, and how often it stood still for want of media after that. */
async function playsOn(from, secs) {
  const began = performance.now();
  await behind(from + 0.5);
  const settledMs = performance.now() - began;
  let stalls = 0;
  const count = () => {
    stalls += 1;
  };
  video.addEventListener("waiting", count);
  const isThere = await behind(from + secs);
  video.removeEventListener("waiting", count);
  return { isThere, settledMs, stalls, paused: video.paused };
}
