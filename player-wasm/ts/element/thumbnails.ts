/**
 * The little pictures above the timeline. media-chrome looks for them in a metadata track of this label, whose cues name parts of
 * sheets beside it, and loads a sheet when the pointer comes to its time.
 */
export class Thumbnails {
  readonly #video: HTMLVideoElement;
  #url: string | null = null;
  #track: HTMLTrackElement | null = null;

  /** `picture` is media-chrome's element that shows them. */
  constructor(video: HTMLVideoElement, picture: HTMLElement) {
    this.#video = video;
    // A sheet that can't be had, such as after the end of its address, is no picture rather than a broken one.
    const follow = ({ type }: Event) => picture.toggleAttribute("hidden", type === "error");
    for (const type of ["load", "error"]) picture.shadowRoot?.addEventListener(type, follow, { capture: true });
  }

  /** Those that the WebVTT file at an address names from now on; `null`: none. */
  show(url: string | null): void {
    if (url === this.#url) return;
    this.#url = url;
    this.#track?.remove();
    this.#track = url === null ? null : this.#node(url);
    if (this.#track) this.#video.append(this.#track);
  }

  #node(url: string): HTMLTrackElement {
    const node = this.#video.ownerDocument.createElement("track");
    node.kind = "metadata";
    node.label = "thumbnails";
    // Else the browser would not load it.
    node.default = true;
    node.src = url;
    return node;
  }
}
