// The SDK on a bare video element, at the level that the address names.
import { createKeyveil } from "../../../../../player-wasm/dist/index.js";
import { asked, onStage, SETTINGS, video } from "./stage.js";

const keyveil = createKeyveil({
  server: location.origin,
  getSignature: () => asked.psign,
  workerUrl: "/sdk/worker.js",
  level: asked.level,
});
let player = null;

onStage({
  prepare: () => keyveil.preload(),
  attach() {
    player = keyveil.attach(video, { autoplay: true, hls: SETTINGS });
    player.on("error", ({ detail: { code, fatal } }) => window.stage.errors.push({ code, fatal }));
  },
  detach() {
    player.destroy();
    player = null;
  },
  end: () => keyveil.destroy(),
  qualities: () => player?.qualities.map(({ id, height }) => ({ id, height })) ?? [],
  choose(id) {
    player.quality = id;
  },
});
