/**
 * A text over the picture that says whose viewing it is. It wanders, lets every click through, and is put back when something
 * takes it away. What that stops and what not is in docs/SECURITY.md.
 */
import { KeyveilError } from "../errors.js";
import { nextPlace, type Place, RestoreBudget } from "./watermark-rules.js";

const CHECK_EVERY_MS = 1_000;
const STAY_MS = 5_000;
const STAY_JITTER_MS = 3_000;
const OPACITY = "0.5";

/** Above all a page or a style sheet can say: `all` first, so that nothing else is inherited or added. */
const LAYER_STYLE: Readonly<Record<string, string>> = {
  all: "initial",
  position: "absolute",
  inset: "0px",
  display: "block",
  overflow: "hidden",
  visibility: "inherit",
  "pointer-events": "none",
  // Its own size decides how large the text is: in fullscreen the element's would be that of the page.
  "container-type": "size",
};
const TEXT_STYLE: Readonly<Record<string, string>> = {
  all: "initial",
  position: "absolute",
  display: "block",
  "max-width": "92%",
  "max-height": "92%",
  overflow: "hidden",
  visibility: "inherit",
  "pointer-events": "none",
  "user-select": "none",
  opacity: OPACITY,
  color: "rgb(255, 255, 255)",
  // Light with a dark edge: it can be read on either.
  "text-shadow": "0 0 2px rgb(0, 0, 0), 0 0 2px rgb(0, 0, 0), 0 1px 3px rgb(0, 0, 0)",
  font: "600 16px/1.3 system-ui, sans-serif",
  "font-size": "clamp(12px, 2.4cqi, 30px)",
  "letter-spacing": "0.04em",
  "overflow-wrap": "anywhere",
  "unicode-bidi": "isolate",
};
const MOVING = "left 1.6s ease-in-out, top 1.6s ease-in-out, transform 1.6s ease-in-out";

/** What would hide it while its own style is untouched and its box in place, and the value that does not. */
const HARMLESS: Readonly<Record<string, string>> = {
  display: "block",
  position: "absolute",
  "clip-path": "none",
  "mask-image": "none",
  filter: "none",
  "content-visibility": "visible",
};

interface Drawn {
  readonly layer: HTMLElement;
  readonly mark: HTMLElement;
  /** The styles of both as they were when they were last drawn or moved. */
  styles: string;
}

export class Watermark {
  readonly #root: ShadowRoot;
  readonly #controller: HTMLElement;
  readonly #video: HTMLVideoElement;
  readonly #lost: (error: KeyveilError) => void;
  readonly #observer = new MutationObserver(() => this.#check());
  readonly #stillness = matchMedia("(prefers-reduced-motion: reduce)");
  #text: string | null = null;
  #drawn: Drawn | null = null;
  #place: Place = { x: 0.5, y: 0.5 };
  #movesMs = 0;
  #budget = new RestoreBudget();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `lost` is told when it can't be kept over the picture. */
  constructor(root: ShadowRoot, video: HTMLVideoElement, lost: (error: KeyveilError) => void) {
    this.#root = root;
    this.#controller = root.querySelector("media-controller") as HTMLElement;
    this.#video = video;
    this.#lost = lost;
  }

  /** Draws a text from now on; `null` draws nothing. */
  show(text: string | null): void {
    if (text === this.#text) return;
    this.#erase();
    clearInterval(this.#timer);
    this.#text = text;
    // A picture that leaves the element leaves the text behind.
    this.#video.disablePictureInPicture = text !== null;
    if (text === null) {
      this.#video.removeEventListener("webkitbeginfullscreen", leaveNativeFullscreen);
      return;
    }
    this.#video.addEventListener("webkitbeginfullscreen", leaveNativeFullscreen);
    this.#budget = new RestoreBudget();
    this.#draw();
    this.#timer = setInterval(() => {
      this.#check();
      if (performance.now() >= this.#movesMs) this.#move();
    }, CHECK_EVERY_MS);
  }

  #draw(): void {
    const layer = document.createElement("div");
    const mark = document.createElement("div");
    layer.setAttribute("aria-hidden", "true");
    // Else it would fade away with the controls.
    layer.setAttribute("noautohide", "");
    mark.textContent = this.#text;
    layer.append(mark);
    dress(layer, LAYER_STYLE);
    dress(mark, TEXT_STYLE);
    this.#drawn = { layer, mark, styles: "" };
    // Before the controls, which stay in front of it.
    this.#controller.insertBefore(
      layer,
      this.#controller.querySelector(":scope > [part=overlay]")?.nextSibling ?? null,
    );
    this.#move();
    this.#observe();
  }

  #erase(): void {
    this.#observer.disconnect();
    this.#drawn?.layer.remove();
    this.#drawn = null;
  }

  #observe(): void {
    this.#observer.observe(this.#root, { childList: true });
    this.#observer.observe(this.#controller, { childList: true });
    if (this.#drawn) {
      this.#observer.observe(this.#drawn.layer, {
        subtree: true,
        childList: true,
        attributes: true,
        characterData: true,
      });
    }
  }

  #move(): void {
    const drawn = this.#drawn;
    if (!drawn) return;
    this.#place = nextPlace(this.#place, Math.random);
    this.#movesMs = performance.now() + STAY_MS + Math.random() * STAY_JITTER_MS;
    const [left, top] = [`${(this.#place.x * 100).toFixed(1)}%`, `${(this.#place.y * 100).toFixed(1)}%`];
    // Shifted back by as much of its own size as it is moved along the picture's, so that it never leaves that.
    const transform = `translate(-${left}, -${top})`;
    dress(drawn.mark, { left, top, transform, transition: this.#stillness.matches ? "none" : MOVING });
    drawn.styles = stylesOf(drawn);
    // Its own doing is no tampering.
    this.#observer.takeRecords();
  }

  #check(): void {
    if (this.#text === null || this.#isKept()) return;
    this.#erase();
    if (!this.#budget.spend(performance.now())) {
      this.show(null);
      this.#lost(new KeyveilError("watermark_removed"));
      return;
    }
    this.#bringVideoBack();
    this.#draw();
  }

  /** In one piece, unchanged, and over the picture. */
  #isKept(): boolean {
    const drawn = this.#drawn;
    if (!drawn || !this.#isWhole(drawn) || this.#isVideoAlone()) return false;
    // Not shown at all, as in a closed dialog: then neither is the picture.
    const video = this.#video.getBoundingClientRect();
    if (area(video) === 0 || this.#video.checkVisibility?.({ visibilityProperty: true }) === false) return true;
    const shown = intersection(video, this.#controller.getBoundingClientRect());
    if (area(shown) < 0.25 * area(video)) return false;
    return isUnhidden(drawn.layer, "1") && isUnhidden(drawn.mark, OPACITY) && covers(drawn, shown);
  }

  #isWhole(drawn: Drawn): boolean {
    const { layer, mark } = drawn;
    if (layer.parentNode !== this.#controller || mark.parentNode !== layer) return false;
    return mark.childElementCount === 0 && mark.textContent === this.#text && stylesOf(drawn) === drawn.styles;
  }

  /** Where the video is shown and nothing over it. */
  #isVideoAlone(): boolean {
    if (this.#video.parentNode !== this.#controller) return true;
    return this.#root.fullscreenElement === this.#video || this.#root.pictureInPictureElement === this.#video;
  }

  #bringVideoBack(): void {
    if (this.#video.parentNode !== this.#controller) this.#controller.prepend(this.#video);
    if (this.#root.fullscreenElement === this.#video) document.exitFullscreen().catch(() => undefined);
    if (this.#root.pictureInPictureElement) document.exitPictureInPicture().catch(() => undefined);
  }
}

/** On telephones whose fullscreen is of the video alone. */
function leaveNativeFullscreen(event: Event): void {
  (event.target as HTMLVideoElement & { webkitExitFullscreen?(): void }).webkitExitFullscreen?.();
}

/** By the style object, not by markup, which a page's Content-Security-Policy may forbid. */
function dress(element: HTMLElement, style: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value, "important");
}

/** Without custom properties: browser extensions that change colours leave theirs on everything, and they change nothing. */
function stylesOf({ layer, mark }: Drawn): string {
  return [layer, mark].map(({ style }) => style.cssText.replace(/--[^:]+:[^;]*;\s*/g, "").trim()).join("|");
}

function isUnhidden(element: HTMLElement, opacity: string): boolean {
  const computed = getComputedStyle(element);
  // A browser that does not know a property says nothing about it.
  const harmless = Object.entries(HARMLESS).every(([name, value]) =>
    ["", value].includes(computed.getPropertyValue(name)),
  );
  return harmless && computed.opacity === opacity && computed.visibility === "visible";
}

/** Whether the layer lies over what is seen of the picture, and the text within it. */
function covers({ layer, mark }: Drawn, shown: DOMRect): boolean {
  const [place, text] = [layer.getBoundingClientRect(), mark.getBoundingClientRect()];
  const isOver = area(intersection(place, shown)) > 0.9 * area(shown);
  return isOver && area(text) > 0 && area(intersection(text, place)) > 0.9 * area(text);
}

function intersection(a: DOMRect, b: DOMRect): DOMRect {
  const [left, top] = [Math.max(a.left, b.left), Math.max(a.top, b.top)];
  const [right, bottom] = [Math.min(a.right, b.right), Math.min(a.bottom, b.bottom)];
  return new DOMRect(left, top, Math.max(0, right - left), Math.max(0, bottom - top));
}

const area = ({ width, height }: DOMRect): number => width * height;
