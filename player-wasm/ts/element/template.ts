/** The element's shadow DOM: media-chrome's controls around a video, and layers for loading and errors. */

const STYLE = `
:host { display: block; position: relative; aspect-ratio: 16 / 9; background: #000; color: #fff; overflow: hidden;
  container-type: inline-size; font-family: var(--keyveil-font, system-ui, sans-serif); color-scheme: dark; }
:host([hidden]) { display: none; }
media-controller { width: 100%; height: 100%; --media-background-color: #000;
  --media-primary-color: var(--keyveil-primary, #fff); --media-secondary-color: transparent;
  --media-control-background: transparent; --media-control-hover-background: rgb(255 255 255 / .14);
  --media-range-bar-color: var(--keyveil-accent, #4da3ff); --media-range-thumb-background: #fff;
  --media-menu-background: rgb(20 22 28 / .94); --media-settings-menu-background: rgb(20 22 28 / .94);
  --media-font-family: var(--keyveil-font, system-ui, sans-serif); --media-control-height: 22px;
  --media-focus-box-shadow: inset 0 0 0 2px #fff, inset 0 0 0 4px #000; --media-menu-item-focus-shadow: inset 0 0 0 2px #fff; }
media-controller:focus-visible::after { content: ""; position: absolute; inset: 0; z-index: 1; pointer-events: none;
  box-shadow: var(--media-focus-box-shadow); }
video { width: 100%; height: 100%; object-fit: contain; }
video::-webkit-media-text-track-container { transition: transform .25s; }
media-controller[mediapaused] video::-webkit-media-text-track-container,
media-controller:not([userinactive]) video::-webkit-media-text-track-container { transform: translateY(-64px); }
media-time-range { position: relative; width: 100%; height: 26px; padding: 0 12px; --media-range-track-height: 4px; --media-range-track-border-radius: 2px; }
media-control-bar { position: relative; align-items: center; padding: 0 4px 4px; }
[nopip] media-pip-button, media-captions-menu-button:not([mediasubtitleslist]), media-rendition-menu-button[mediarenditionunavailable],
media-audio-track-menu-button[mediaaudiotrackunavailable] { display: none; }
.shade { position: absolute; inset: auto 0 0; height: 110px; pointer-events: none; background: linear-gradient(transparent, rgb(0 0 0 / .72)); }
.space { flex: 1; }
media-rendition-menu, media-audio-track-menu, media-captions-menu, media-playback-rate-menu { border-radius: 10px; margin: 0 6px 6px; }
.layer { position: absolute; inset: 0; display: grid; place-items: center; }
.overlay { pointer-events: none; display: block; }
.layer[hidden] { display: none; }
.previewend { background: rgb(8 9 12 / .78); padding: 24px 24px 76px; text-align: center; pointer-events: auto; align-content: center; gap: 14px; }
.previewend p { margin: 0; max-width: 34rem; line-height: 1.5; font-size: clamp(15px, 2.8cqi, 22px); }
.loading { pointer-events: none; }
.spinner { width: 44px; height: 44px; border-radius: 50%; border: 3px solid rgb(255 255 255 / .25); border-top-color: #fff;
  animation: turn .9s linear infinite; }
@keyframes turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) { .spinner { animation-duration: 3s; } }
.error { background: rgb(8 9 12 / .88); padding: 24px; text-align: center; pointer-events: auto; z-index: 2; }
.error p { margin: 0 auto 10px; max-width: 34rem; line-height: 1.5; font-size: clamp(14px, 2.4cqi, 18px); }
.error code { display: block; margin-bottom: 16px; opacity: .65; font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
.error button { font: inherit; font-size: 15px; color: #fff; background: rgb(255 255 255 / .14); border: 1px solid rgb(255 255 255 / .35);
  border-radius: 999px; padding: 9px 22px; cursor: pointer; }
.error button:hover { background: rgb(255 255 255 / .26); }
.error button:focus-visible { outline: 2px solid var(--keyveil-accent, #4da3ff); outline-offset: 2px; }
@container (max-width: 560px) {
  media-volume-range, media-pip-button { display: none; }
  media-control-bar { padding: 0 0 2px; --media-control-padding: 9px 7px; }
}
@container (max-width: 380px) { media-playback-rate-menu-button { display: none; } }
`;

/** In place of the menus' own header, a hidden button that no menu may hold. */
const NO_HEADER = `<span slot="header" hidden></span>`;

/** Parsed once per document, by the first element. */
export const TEMPLATE_HTML = `
<style>${STYLE}</style>
<media-controller part="controller" nosubtitleslangpref>
  <video slot="media" part="video" playsinline preload="auto"></video>
  <media-poster-image slot="poster" part="poster" hidden></media-poster-image>
  <media-loading-indicator slot="centered-chrome" noautohide></media-loading-indicator>
  <div class="layer overlay" part="overlay" noautohide><slot name="overlay"></slot></div>
  <div class="layer previewend" part="previewend" role="status" noautohide hidden><p></p><slot name="previewend"></slot></div>
  <div class="shade"></div>
  <media-rendition-menu part="menu" hidden anchor="auto">${NO_HEADER}</media-rendition-menu>
  <media-audio-track-menu part="menu" hidden anchor="auto">${NO_HEADER}</media-audio-track-menu>
  <media-captions-menu part="menu" hidden anchor="auto">${NO_HEADER}</media-captions-menu>
  <media-playback-rate-menu part="menu" hidden anchor="auto" rates="0.5 0.75 1 1.25 1.5 2">${NO_HEADER}</media-playback-rate-menu>
  <media-time-range part="timeline"></media-time-range>
  <media-control-bar part="bar">
    <media-play-button></media-play-button>
    <media-mute-button></media-mute-button>
    <media-volume-range></media-volume-range>
    <media-time-display showduration notoggle></media-time-display>
    <span class="space"></span>
    <media-captions-menu-button></media-captions-menu-button>
    <media-audio-track-menu-button></media-audio-track-menu-button>
    <media-rendition-menu-button></media-rendition-menu-button>
    <media-playback-rate-menu-button></media-playback-rate-menu-button>
    <media-pip-button></media-pip-button>
    <media-fullscreen-button></media-fullscreen-button>
  </media-control-bar>
  <div class="layer loading" part="loading" role="status" noautohide hidden><div class="spinner"></div></div>
  <div class="layer error" part="error" role="alert" noautohide hidden>
    <slot name="error"><div><p></p><code></code><button type="button" part="retry"></button></div></slot>
  </div>
</media-controller>
`;
