// The same hls.js on a clear title and on a private one: what it thinks of the link after some fragments.
import Hls from "hls.js";
import { createKeyveil } from "../../../player-wasm/dist/index.js";

const asked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const SETTINGS = { workerPath: "/stage/hls.worker.js", maxBufferLength: 120, maxMaxBufferLength: 120 };

async function opened() {
  if (asked.playlist) return { settings: {}, playlist: asked.playlist };
  const keyveil = createKeyveil({
    server: location.origin,
    getSignature: () => asked.psign,
    workerUrl: "/sdk/worker.js",
  });
  const title = await keyveil.open();
  return { settings: title.hlsConfig(), playlist: title.playlistUrl };
}

/** Bits per second. */
window.estimate = async (fragments) => {
  const { settings, playlist } = await opened();
  const hls = new Hls({ ...SETTINGS, ...settings });
  try {
    return await new Promise((resolve, reject) => {
      let buffered = 0;
      hls.on(Hls.Events.ERROR, (_event, { details, fatal }) => fatal && reject(new Error(details)));
      hls.on(Hls.Events.FRAG_BUFFERED, (_event, { frag }) => {
        if (frag.sn === "initSegment") return;
        buffered += 1;
        if (buffered === fragments) setTimeout(() => resolve(hls.bandwidthEstimate), 0);
      });
      hls.attachMedia(document.querySelector("video"));
      hls.loadSource(playlist);
    });
  } finally {
    hls.destroy();
  }
};
