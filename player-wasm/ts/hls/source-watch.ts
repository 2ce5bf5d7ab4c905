/** A media source that the browser never opens would leave playback waiting without a word. */
import Hls from "hls.js";

/** Of time in which the page can be seen: one in the background may be left waiting. */
const OPEN_MS_MAX = 10_000;
const LOOK_MS = 500;

type Emitter = Pick<Hls, "on">;

/** `notOpened` is called once for each source that hls.js attaches and that does not open in time. */
export function watchSource(hls: Emitter, isVisible: () => boolean, notOpened: () => void): void {
  let timer: ReturnType<typeof setInterval> | undefined;
  const stop = () => clearInterval(timer);
  hls.on(Hls.Events.MEDIA_ATTACHING, () => {
    stop();
    let visibleMs = 0;
    timer = setInterval(() => {
      if (isVisible()) visibleMs += LOOK_MS;
      if (visibleMs < OPEN_MS_MAX) return;
      stop();
      notOpened();
    }, LOOK_MS);
  });
  // hls.js says it when the source opens.
  hls.on(Hls.Events.MEDIA_ATTACHED, stop);
  hls.on(Hls.Events.MEDIA_DETACHING, stop);
  hls.on(Hls.Events.DESTROYING, stop);
}
