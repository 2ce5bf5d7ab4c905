/** The captions of an engine in the worker, as text tracks of the video: what hls.js makes of them where it runs on the page. */
import type { CaptionCue, EngineTrack } from "../engine-messages.js";

/** No captions. */
const NONE = -1;

export class CaptionTracks {
  readonly #video: HTMLVideoElement;
  readonly #choose: (id: number) => void;
  readonly #listening = new AbortController();
  readonly #nodes = new Map<number, HTMLTrackElement>();
  #offered = "";
  #chosen = NONE;
  /** Told to the engine, which has not answered yet. */
  #asked: number | null = null;

  /** `choose` hears what the viewer chooses by the browser's or a page's own menu. */
  constructor(video: HTMLVideoElement, choose: (id: number) => void) {
    this.#video = video;
    this.#choose = choose;
    video.textTracks.addEventListener("change", () => this.#changed(), { signal: this.#listening.signal });
  }

  /** What the engine offers and has chosen. */
  update(tracks: readonly EngineTrack[], chosen: number): void {
    const offered = JSON.stringify(tracks);
    if (offered !== this.#offered) {
      this.#offered = offered;
      this.#clear();
      for (const track of tracks) this.#nodes.set(track.id, this.#node(track));
      this.#asked = null;
      this.#chosen = NONE;
    }
    if (this.#asked !== null && this.#asked !== chosen) return;
    this.#asked = null;
    if (chosen === this.#chosen) return;
    this.#chosen = chosen;
    for (const [id, { track }] of this.#nodes) {
      if (id !== chosen) track.mode = "disabled";
      else if (track.mode === "disabled") track.mode = "showing";
    }
  }

  /** As if the viewer did. */
  choose(id: number): void {
    for (const [one, { track }] of this.#nodes) track.mode = one === id ? "showing" : "disabled";
    this.#changed();
  }

  add(id: number, cues: readonly CaptionCue[]): void {
    const track = this.#nodes.get(id)?.track;
    if (!track) return;
    // A disabled track keeps its cues to itself.
    const { mode } = track;
    if (mode === "disabled") track.mode = "hidden";
    for (const cue of cues) if (!isThere(track, cue)) track.addCue(nativeCue(cue));
    if (mode === "disabled") track.mode = mode;
  }

  destroy(): void {
    this.#listening.abort();
    this.#clear();
  }

  #node({ name, language }: EngineTrack): HTMLTrackElement {
    const node = this.#video.ownerDocument.createElement("track");
    node.kind = "subtitles";
    node.label = name;
    if (language) node.srclang = language;
    // Without a source Chromium's own menu takes the track for one that failed.
    node.src = "data:,WEBVTT";
    node.track.mode = "disabled";
    this.#video.append(node);
    return node;
  }

  #clear(): void {
    for (const node of this.#nodes.values()) {
      // Chromium shows the cached state of a track that comes back.
      node.track.mode = "hidden";
      node.remove();
    }
    this.#nodes.clear();
  }

  #changed(): void {
    const selected = this.#selected();
    if (selected === this.#chosen) return;
    this.#chosen = this.#asked = selected;
    this.#choose(selected);
  }

  /** One that shows, else one whose cues a page wants without showing them. */
  #selected(): number {
    const of = (mode: TextTrackMode) => [...this.#nodes].find(([, { track }]) => track.mode === mode)?.[0];
    return of("showing") ?? of("hidden") ?? NONE;
  }
}

/** Lines that reach into the next segment stand in both. */
function isThere({ cues }: TextTrack, { id, startTime, endTime, text }: CaptionCue): boolean {
  if (!cues) return false;
  if (id !== "") return cues.getCueById(id) !== null;
  return Array.from(cues).some(
    (cue) => cue.startTime === startTime && cue.endTime === endTime && (cue as VTTCue).text === text,
  );
}

function nativeCue({ id, startTime, endTime, text, ...layout }: CaptionCue): VTTCue {
  const cue = new VTTCue(startTime, endTime, text);
  cue.id = id;
  const { snapToLines, line, position, size, align, vertical } = layout;
  return Object.assign(cue, { snapToLines, line, position, size, align, vertical });
}
