// The element, at the level that the address names. Its video takes the place of the page's.
import "../../../../../player-wasm/dist/element.js";
import { asked, onStage, watch } from "./stage.js";

const element = document.createElement("keyveil-player");
const attributes = {
  server: location.origin,
  "worker-url": "/sdk/worker.js",
  psign: asked.psign,
  level: asked.level,
  muted: "",
  autoplay: "",
};
for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
element.addEventListener("error", ({ detail: { code, fatal } }) => window.stage.errors.push({ code, fatal }));
document.querySelector("video").remove();
watch(element.video);

onStage({
  prepare: () => customElements.whenDefined("keyveil-player"),
  attach: () => document.body.append(element),
  detach: () => element.remove(),
  end: () => {},
  qualities: () => element.player?.qualities.map(({ id, height }) => ({ id, height })) ?? [],
  choose(id) {
    element.player.quality = id;
  },
});
