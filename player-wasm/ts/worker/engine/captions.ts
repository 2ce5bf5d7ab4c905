/** Lines of captions, on their way to the page's text tracks. */
import type { CuesParsedData, NonNativeTextTrack } from "hls.js";
import type { CaptionCue, EngineTrack } from "../../engine-messages.js";

/** Captions inside the picture's data have no playlist: their ids begin here. */
export const EMBEDDED_ID = 1000;
const EMBEDDED = /^textTrack(\d)$/;
const LINES_PER_MESSAGE_MAX = 1000;

/** The track that hls.js calls so; `null` for one that is none. */
export function embeddedTrack({ _id, label, default: isDefault }: NonNativeTextTrack): EngineTrack | null {
  const id = embeddedId(_id ?? "");
  return id === null ? null : { id, name: label, language: "", isDefault };
}

/** The id of the track that lines are of. */
export function trackOfCues({ type, track, subtitleTrack }: CuesParsedData): number | null {
  return type === "captions" ? embeddedId(track) : (subtitleTrack?.id ?? null);
}

/** In portions of a bounded length. */
export function captionCues(cues: readonly VTTCue[]): readonly (readonly CaptionCue[])[] {
  const portions = Math.ceil(cues.length / LINES_PER_MESSAGE_MAX);
  return Array.from({ length: portions }, (_, i) =>
    cues.slice(i * LINES_PER_MESSAGE_MAX, (i + 1) * LINES_PER_MESSAGE_MAX).map(captionCue),
  );
}

function embeddedId(name: string): number | null {
  const [, number] = EMBEDDED.exec(name) ?? [];
  return number === undefined ? null : EMBEDDED_ID + Number(number);
}

/** hls.js makes lines of its own, which are laxer than a `VTTCue`. */
function captionCue(cue: VTTCue): CaptionCue {
  const { startTime, endTime, line, position, vertical } = cue;
  const align = (cue.align as string) === "middle" ? "center" : cue.align;
  return {
    id: String(cue.id ?? ""),
    startTime,
    endTime,
    text: String(cue.text),
    line: typeof line === "number" ? line : "auto",
    position: typeof position === "number" ? position : "auto",
    size: typeof cue.size === "number" ? cue.size : 100,
    align: ["start", "center", "end", "left", "right"].includes(align) ? align : "center",
    vertical: vertical === "rl" || vertical === "lr" ? vertical : "",
    snapToLines: cue.snapToLines !== false,
  };
}
