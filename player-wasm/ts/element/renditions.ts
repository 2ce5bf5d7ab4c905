/**
 * The list of qualities in the form media-chrome's quality menu reads from a media element (`videoRenditions`, as the
 * media-tracks proposal has it): hls.js does not offer one.
 */
import type { KeyveilPlayer } from "../page/player.js";
import { AUTO_QUALITY } from "../page/qualities.js";

/** Has media-chrome's quality menu say what the signature calls the qualities; by itself it only knows their sizes. */
export function nameQualities(menu: Element, renditions: VideoRenditions): void {
  const bySize = ({ width, height }: Pick<VideoRendition, "width" | "height">) => `${Math.min(width, height)}p`;
  const formatRendition = (rendition: VideoRendition) => renditions.name(rendition.id) ?? bySize(rendition);
  Object.defineProperty(menu, "formatRendition", { value: formatRendition });
}

export interface VideoRendition {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
}

export class VideoRenditions extends EventTarget {
  #list: readonly VideoRendition[] = [];
  #names: ReadonlyMap<string, string> = new Map();
  #selectedIndex = AUTO_QUALITY;
  #player: KeyveilPlayer | null = null;

  /** What a menu calls one of them. */
  name(id: string): string | undefined {
    return this.#names.get(id);
  }

  get length(): number {
    return this.#list.length;
  }

  /** What the viewer chose; -1 is automatic. */
  get selectedIndex(): number {
    return this.#selectedIndex;
  }

  set selectedIndex(index: number) {
    if (index === this.#selectedIndex) return;
    this.#selectedIndex = index;
    if (this.#player) this.#player.quality = Number(this.#list[index]?.id ?? AUTO_QUALITY);
    this.dispatchEvent(new Event("change"));
  }

  /** Offers what the player has now; `null` empties the list. */
  follow(player: KeyveilPlayer | null): void {
    this.#player = player;
    const qualities = player?.qualities ?? [];
    // One quality is no choice.
    const offered = qualities.length > 1 ? qualities : [];
    this.#list = offered.map(({ id, width, height, bitrate }) => ({ id: `${id}`, width, height, bitrate }));
    this.#names = new Map(offered.map(({ id, name }) => [`${id}`, name]));
    this.#selectedIndex = AUTO_QUALITY;
    this.#index();
    this.dispatchEvent(new Event(this.#list.length > 0 ? "addrendition" : "removerendition"));
    this.dispatchEvent(new Event("change"));
  }

  [Symbol.iterator](): Iterator<VideoRendition> {
    return this.#list[Symbol.iterator]();
  }

  /** media-chrome reads it as an array-like. */
  #index(): void {
    const self = this as unknown as Record<number, VideoRendition | undefined>;
    for (const key of Object.keys(this)) delete self[Number(key)];
    for (const [index, rendition] of this.#list.entries()) self[index] = rendition;
  }
}
