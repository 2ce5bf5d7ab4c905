/** `<keyveil-player>`: a title with controls, in one element. */
import { asKeyveilError, KeyveilError } from "../errors.js";
import { KEYVEIL_EVENTS } from "../events.js";
import type { AttachOptions } from "../page/attach-options.js";
import { createKeyveil, type Keyveil } from "../page/keyveil.js";
import type { KeyveilPlayer } from "../page/player.js";
import type { GetSignature } from "../page/signature.js";
import { trustedTemplate } from "../page/trusted-types.js";
import { completeControls, setControlsLanguage } from "./accessibility.js";
import { AudioTracks } from "./audio-tracks.js";
import { nameQualities, VideoRenditions } from "./renditions.js";
import { TEMPLATE_HTML } from "./template.js";
import { errorSentence, languageOf, texts } from "./texts.js";
import { Thumbnails } from "./thumbnails.js";
import { Watermark } from "./watermark.js";

// On a server there is no HTMLElement; importing this module there must do no harm.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

const RELOADING = ["server", "file-id", "worker-url", "wasm-url", "wasm-sha256", "level"];

export class KeyveilPlayerElement extends Base {
  static readonly observedAttributes = [...RELOADING, "psign", "poster", "lang", "muted", "autoplay"];

  readonly #video: HTMLVideoElement;
  readonly #renditions = new VideoRenditions();
  readonly #audioTracks = new AudioTracks();
  readonly #thumbnails: Thumbnails;
  readonly #watermark: Watermark;
  #getSignature: GetSignature | null = null;
  #hls: AttachOptions["hls"] | null = null;
  #keyveil: Keyveil | null = null;
  #player: KeyveilPlayer | null = null;
  #error: KeyveilError | null = null;
  #loadQueued = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const template = document.createElement("template");
    template.innerHTML = trustedTemplate(TEMPLATE_HTML);
    // Before the video gets to media-chrome, which looks for the lists when it meets the video.
    const content = document.importNode(template.content, true);
    this.#video = content.querySelector("video") as HTMLVideoElement;
    Object.defineProperty(this.#video, "videoRenditions", { value: this.#renditions });
    Object.defineProperty(this.#video, "audioTracks", { value: this.#audioTracks });
    nameQualities(content.querySelector("media-rendition-menu") as Element, this.#renditions);
    completeControls(content, this.#video);
    this.#thumbnails = new Thumbnails(this.#video, content.querySelector("media-preview-thumbnail") as HTMLElement);
    root.append(content);
    this.#watermark = new Watermark(root, this.#video, (error) => this.#player?.fail(error));
    this.#part("retry").addEventListener("click", () => this.load());
  }

  /** Gets a player signature from your own server. Takes precedence over the attribute `psign`. */
  get getSignature(): GetSignature | null {
    return this.#getSignature;
  }

  set getSignature(getSignature: GetSignature | null) {
    this.#getSignature = getSignature;
    this.#queueLoad();
  }

  /** Settings for hls.js, for the titles that are loaded from now on. With functions in them hls.js stays on the page. */
  get hls(): AttachOptions["hls"] | null {
    return this.#hls;
  }

  set hls(hls: AttachOptions["hls"] | null) {
    this.#hls = hls;
  }

  /** What plays now; `null` before the first title and after the element left the page. */
  get player(): KeyveilPlayer | null {
    return this.#player;
  }

  get video(): HTMLVideoElement {
    return this.#video;
  }

  /** Opens the title the attributes name, again if need be, where it stopped. */
  load(): void {
    const position = this.#error && this.#video.currentTime > 0 ? this.#video.currentTime : undefined;
    this.#unload();
    const server = this.getAttribute("server");
    if (!server || !(this.#getSignature ?? this.hasAttribute("psign"))) return;
    this.#show("loading");
    const traceparent = this.getAttribute("traceparent");
    try {
      const keyveil = createKeyveil({
        server,
        getSignature: (request) => (this.#getSignature ?? this.#signatureOfAttribute)(request),
        workerUrl: this.getAttribute("worker-url") ?? undefined,
        wasmUrl: this.getAttribute("wasm-url") ?? undefined,
        wasmSha256: this.getAttribute("wasm-sha256") ?? undefined,
      });
      this.#keyveil = keyveil;
      const player = keyveil.attach(this.#video, {
        fileId: this.getAttribute("file-id") ?? undefined,
        position,
        level: this.getAttribute("level") === "guarded" ? "guarded" : undefined,
        hls: this.hls ?? undefined,
        // Without a value it is a switch.
        traceparent: traceparent === "" || (traceparent ?? false),
        autoplay: this.hasAttribute("autoplay") || position !== undefined,
      });
      this.#player = player;
      this.#follow(player);
    } catch (thrown) {
      this.#fail(asKeyveilError(thrown, "worker_crashed"));
    }
  }

  play(): Promise<void> {
    return this.#video.play();
  }

  pause(): void {
    this.#video.pause();
  }

  connectedCallback(): void {
    this.#translate();
    this.#queueLoad();
  }

  disconnectedCallback(): void {
    // An element that is only moved is back before this runs.
    queueMicrotask(() => {
      if (!this.isConnected) this.#unload();
    });
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (RELOADING.includes(name)) this.#queueLoad();
    // While a title plays, a newer signature waits for the next refresh.
    else if (name === "psign" && (!this.#player || this.#error)) this.#queueLoad();
    else if (name === "poster") this.#poster(now);
    else if (name === "lang") this.#translate();
    else if (name === "muted") this.#video.muted = now !== null;
  }

  readonly #signatureOfAttribute: GetSignature = ({ reason }) => {
    const psign = this.getAttribute("psign") ?? "";
    if (reason === "refresh" && psign === this.#usedPsign) {
      throw new KeyveilError("signature_unavailable", "Set `psign` to a newer signature, or give `getSignature`.");
    }
    this.#usedPsign = psign;
    return psign;
  };
  #usedPsign = "";

  #queueLoad(): void {
    if (this.#loadQueued || !this.isConnected) return;
    this.#loadQueued = true;
    queueMicrotask(() => {
      this.#loadQueued = false;
      if (this.isConnected) this.load();
    });
  }

  #follow(player: KeyveilPlayer): void {
    for (const type of KEYVEIL_EVENTS) {
      player.on(type, ({ detail }) => this.dispatchEvent(new CustomEvent(type, { detail })));
    }
    player.on("title", ({ detail }) => this.#watermark.show(detail.watermark));
    // Comes with every title, and with every token that takes another one's place.
    player.on("signature", () => this.#thumbnails.show(player.title?.spritesUrl ?? null));
    player.on("tracks", () => this.#audioTracks.follow(player));
    player.on("previewend", () => this.#show("previewend"));
    player.on("error", ({ detail }) => {
      if (detail.fatal) this.#fail(detail);
    });
    player.on("state", ({ detail: { state } }) => {
      this.setAttribute("state", state);
      if (state === "ready") {
        this.#show(null);
        this.#renditions.follow(player);
      }
      // Who goes back into the preview sees it.
      if (state === "playing") this.#show(null);
    });
    this.setAttribute("state", player.state);
    if (player.error) this.#fail(player.error);
  }

  #unload(): void {
    this.#error = null;
    this.#show(null);
    this.#renditions.follow(null);
    this.#audioTracks.follow(null);
    this.#thumbnails.show(null);
    this.#watermark.show(null);
    this.#keyveil?.destroy();
    this.#keyveil = null;
    this.#player = null;
  }

  #fail(error: KeyveilError): void {
    this.#error = error;
    this.#show("error");
    this.#translate();
  }

  #show(layer: "loading" | "previewend" | "error" | null): void {
    for (const name of ["loading", "previewend", "error"]) this.#part(name).toggleAttribute("hidden", name !== layer);
  }

  #poster(url: string | null): void {
    const poster = this.#part("poster");
    poster.toggleAttribute("hidden", !url);
    if (url) poster.setAttribute("src", url);
    else poster.removeAttribute("src");
  }

  #translate(): void {
    const tag = this.lang || document.documentElement.lang || navigator.language || "en";
    const language = languageOf(tag);
    const words = texts(language);
    setControlsLanguage(this.#part("controller"), language === "zh" ? "zh-CN" : tag);
    this.#part("loading").setAttribute("aria-label", words.loading);
    this.#part("retry").textContent = words.retry;
    const ended = this.#part("previewend").querySelector("p");
    if (ended) ended.textContent = words.previewEnded;
    const error = this.#error;
    if (!error) return;
    const layer = this.#part("error");
    const [sentence, code] = [layer.querySelector("p"), layer.querySelector("code")];
    if (sentence) sentence.textContent = errorSentence(error, language);
    if (code) code.textContent = error.requestId ? `${error.code} · ${error.requestId}` : error.code;
  }

  #part(name: string): HTMLElement {
    const part = this.shadowRoot?.querySelector(`[part="${name}"]`);
    if (!part) throw new Error(`<keyveil-player> has no part ${name}`);
    return part as HTMLElement;
  }
}
