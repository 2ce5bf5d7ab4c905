/** The list of audio tracks in the form media-chrome's menu reads from a media element (`audioTracks`, as HTML has it): few browsers offer one. */
import type { KeyveilPlayer } from "../page/player.js";
import type { AudioTrack as PlayerTrack } from "../page/qualities.js";
import { languageName } from "./accessibility.js";

class AudioTrack {
  readonly id: string;
  readonly kind = "";
  readonly label: string;
  readonly language: string;
  readonly #choose: () => void;
  #enabled: boolean;

  constructor({ id, name, language }: PlayerTrack, enabled: boolean, choose: () => void) {
    this.id = `${id}`;
    this.label = languageName(name) ?? name;
    this.language = language;
    this.#enabled = enabled;
    this.#choose = choose;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** One is always heard: switching one on switches the others off, and to switch off is no choice. */
  set enabled(enabled: boolean) {
    if (enabled && !this.#enabled) this.#choose();
  }

  /** What the player says. */
  mark(enabled: boolean): void {
    this.#enabled = enabled;
  }
}

export class AudioTracks extends EventTarget {
  #list: readonly AudioTrack[] = [];
  #offered = "";
  #chosen = -1;
  #player: KeyveilPlayer | null = null;

  get length(): number {
    return this.#list.length;
  }

  getTrackById(id: string): AudioTrack | null {
    return this.#list.find((track) => track.id === id) ?? null;
  }

  /** Offers what the player has now; `null` empties the list. Call it again when that has changed. */
  follow(player: KeyveilPlayer | null): void {
    this.#player = player;
    const tracks = player?.audioTracks ?? [];
    const chosen = player?.audioTrack ?? -1;
    const offered = JSON.stringify(tracks);
    if (offered !== this.#offered) {
      this.#offered = offered;
      this.#list = tracks.map((track) => new AudioTrack(track, track.id === chosen, () => this.#choose(track.id)));
      this.#chosen = chosen;
      this.dispatchEvent(new Event(this.#list.length > 0 ? "addtrack" : "removetrack"));
    } else if (chosen !== this.#chosen) {
      this.#mark(chosen);
    }
  }

  [Symbol.iterator](): Iterator<AudioTrack> {
    return this.#list[Symbol.iterator]();
  }

  #choose(id: number): void {
    if (this.#player) this.#player.audioTrack = id;
    this.#mark(id);
  }

  #mark(chosen: number): void {
    this.#chosen = chosen;
    for (const track of this.#list) track.mark(track.id === `${chosen}`);
    this.dispatchEvent(new Event("change"));
  }
}
