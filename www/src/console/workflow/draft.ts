import type { Mode } from "../api/titles.ts";
import type { Cipher, Ladder, PRESETS, Workflow, WorkflowSettings } from "../api/workflows.ts";

/** A workflow as it stands in the form: numbers are what was typed, in the units that people use. */
export interface WorkflowDraft {
  readonly workflowId: string;
  readonly name: string;
  readonly ladder: Ladder["kind"];
  /** Pixels; empty for no limit. */
  readonly maxEdge: string;
  readonly rungs: readonly RungDraft[];
  readonly container: WorkflowSettings["container"];
  readonly mode: Mode;
  /** Of a private title. */
  readonly cipher: Cipher;
  readonly segmentSecs: string;
  readonly periodSegments: string;
  readonly clearLeadSecs: string;
  readonly audioKilobits: string;
  readonly preset: (typeof PRESETS)[number];
  readonly cover: "best" | "at" | "none";
  readonly coverSecs: string;
  readonly sprites: "on" | "off";
  readonly spriteSecs: string;
  readonly spriteWidth: string;
  readonly spriteHeight: string;
  readonly publish: WorkflowSettings["publish"];
}

export interface RungDraft {
  /** Tells rows of the form apart. */
  readonly key: number;
  readonly edge: string;
  readonly kilobits: string;
}

/** The built-in `adaptive`, which is what the server takes when nothing is said. */
export const ADAPTIVE: WorkflowSettings = {
  ladder: { kind: "auto", maxEdge: null },
  container: "fmp4",
  mode: "private",
  cipher: "aes-128-cbc",
  segmentSecs: 6,
  periodSegments: 10,
  clearLeadSecs: 0,
  audioBitRate: 128_000,
  preset: "veryfast",
  cover: { kind: "best" },
  sprites: { everySecs: 10, width: 142, height: 80 },
  publish: "auto",
};

/** What a ladder of one's own begins with. */
const RUNGS_FIRST = [
  [480, 800],
  [720, 1800],
  [1080, 4000],
] as const;

export function draftOf({ workflowId, name, settings }: Pick<Workflow, "workflowId" | "name" | "settings">) {
  const { ladder, cover, sprites } = settings;
  const rungs =
    ladder.kind === "rungs"
      ? ladder.rungs.map(({ edge, videoBitRate }) => [edge, videoBitRate / 1000] as const)
      : RUNGS_FIRST;
  const draft: WorkflowDraft = {
    workflowId,
    name,
    ladder: ladder.kind,
    maxEdge: ladder.kind === "auto" && ladder.maxEdge !== null ? String(ladder.maxEdge) : "",
    rungs: rungs.map(([edge, kilobits], key) => ({ key, edge: String(edge), kilobits: String(kilobits) })),
    container: settings.container,
    mode: settings.mode,
    cipher: settings.cipher ?? "aes-128-cbc",
    segmentSecs: String(settings.segmentSecs),
    periodSegments: String(settings.periodSegments),
    clearLeadSecs: String(settings.clearLeadSecs ?? 0),
    audioKilobits: String(settings.audioBitRate / 1000),
    preset: settings.preset,
    cover: cover?.kind ?? "none",
    coverSecs: cover?.kind === "at" ? String(cover.positionMs / 1000) : "10",
    sprites: sprites === null ? "off" : "on",
    spriteSecs: String(sprites?.everySecs ?? 10),
    spriteWidth: String(sprites?.width ?? 142),
    spriteHeight: String(sprites?.height ?? 80),
    publish: settings.publish,
  };
  return draft;
}

/** What the draft means. Only for drafts in which nothing is wrong. */
export function settingsOf(draft: WorkflowDraft): WorkflowSettings {
  return {
    ladder: ladderOf(draft),
    container: draft.container,
    mode: draft.mode,
    cipher: cipherOf(draft),
    segmentSecs: Number(draft.segmentSecs),
    periodSegments: Number(draft.periodSegments),
    clearLeadSecs: draft.mode === "clear" ? 0 : Number(draft.clearLeadSecs),
    audioBitRate: thousands(draft.audioKilobits),
    preset: draft.preset,
    cover: coverOf(draft),
    sprites:
      draft.sprites === "off"
        ? null
        : {
            everySecs: Number(draft.spriteSecs),
            width: Number(draft.spriteWidth),
            height: Number(draft.spriteHeight),
          },
    publish: draft.publish,
  };
}

/** Standard players know AES only. */
function cipherOf({ mode, cipher }: WorkflowDraft): Cipher | null {
  if (mode === "clear") return null;
  return mode === "private" ? cipher : "aes-128-cbc";
}

function ladderOf(draft: WorkflowDraft): Ladder {
  if (draft.ladder === "copy") return { kind: "copy" };
  if (draft.ladder === "auto") return { kind: "auto", maxEdge: draft.maxEdge === "" ? null : Number(draft.maxEdge) };
  const rungs = draft.rungs.map(({ edge, kilobits }) => ({ edge: Number(edge), videoBitRate: thousands(kilobits) }));
  return { kind: "rungs", rungs: rungs.toSorted((a, b) => a.edge - b.edge) };
}

function coverOf(draft: WorkflowDraft): WorkflowSettings["cover"] {
  if (draft.cover === "none") return null;
  return draft.cover === "best" ? { kind: "best" } : { kind: "at", positionMs: thousands(draft.coverSecs) };
}

/** `"2.5"` → `2500`: whole, whatever floating point makes of it. */
export function thousands(text: string): number {
  return Math.round(Number(text) * 1000);
}
