// hls.js as its documentation says, with its worker, on a clear title: what the others are held against.
import Hls from "hls.js";
import { asked, onStage, SETTINGS, video } from "./stage.js";

const RECOVERIES_MAX = 2;
let hls = null;

onStage({
  prepare: async () => {},
  attach() {
    let recoveries = 0;
    hls = new Hls({ workerPath: "/stage/hls.worker.js", backBufferLength: 30, ...SETTINGS });
    hls.on(Hls.Events.MANIFEST_PARSED, () => video.play().catch(() => undefined));
    hls.on(Hls.Events.ERROR, (_event, { type, details, fatal }) => {
      if (fatal && type === Hls.ErrorTypes.MEDIA_ERROR && recoveries++ < RECOVERIES_MAX) hls.recoverMediaError();
      else if (fatal) window.stage.errors.push({ code: details, fatal });
    });
    hls.attachMedia(video);
    hls.loadSource(asked.playlist);
  },
  detach() {
    hls.destroy();
    hls = null;
  },
  end: () => {},
  qualities: () => hls?.levels.map(({ height }, id) => ({ id, height })) ?? [],
  choose(id) {
    hls.nextLevel = id;
  },
});
