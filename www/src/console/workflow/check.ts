import type { ConsoleKey } from "../../i18n/console.ts";
import type { Values } from "../../i18n/i18n.ts";
import type { RungDraft, WorkflowDraft } from "./draft.ts";

/** The limits of `WorkflowSettings::check` in protocol/src/workflow.rs, in the units of the API. */
export const LIMITS = {
  rungs: [1, 12],
  edge: [16, 4320],
  videoBitRate: [50_000, 100_000_000],
  audioBitRate: [32_000, 512_000],
  segmentSecs: [1, 60],
  periodSegments: [1, 10_000],
  clearLeadSecs: [0, 600],
  spriteSecs: [1, 600],
  spriteEdge: [16, 640],
  coverMs: [0, 24 * 3600 * 1000],
} as const satisfies Record<string, readonly [number, number]>;

export const NAME_CHARS_MAX = 256;
const ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** What is wrong with a field, as a text of the console. */
export interface Problem {
  readonly key: ConsoleKey;
  readonly values?: Values;
}

/** By field; the names are those that the server's `detail` uses. */
export type Problems = ReadonlyMap<string, Problem>;

/** What is wrong with a draft; an empty map when nothing is. */
export function checkDraft(draft: WorkflowDraft): Problems {
  const problems = new Map<string, Problem>();
  const add = (field: string, problem: Problem | null): void => {
    if (problem !== null) problems.set(field, problem);
  };
  add("name", nameProblem(draft.name));
  if (draft.workflowId !== "" && !ID_PATTERN.test(draft.workflowId)) add("workflowId", { key: "workflows.problem.id" });
  if (draft.ladder === "auto" && draft.maxEdge.trim() !== "") add("ladder.maxEdge", edgeProblem(draft.maxEdge));
  if (draft.ladder === "rungs") for (const [field, problem] of rungProblems(draft.rungs)) add(field, problem);
  add("audioBitRate", thousandsProblem(draft.audioKilobits, LIMITS.audioBitRate));
  add("segmentSecs", wholeProblem(draft.segmentSecs, LIMITS.segmentSecs));
  add("periodSegments", wholeProblem(draft.periodSegments, LIMITS.periodSegments));
  if (draft.mode !== "clear") add("clearLeadSecs", wholeProblem(draft.clearLeadSecs, LIMITS.clearLeadSecs));
  if (draft.cover === "at") add("cover.positionMs", thousandsProblem(draft.coverSecs, LIMITS.coverMs));
  if (draft.sprites === "on") {
    add("sprites.everySecs", wholeProblem(draft.spriteSecs, LIMITS.spriteSecs));
    add("sprites.width", wholeProblem(draft.spriteWidth, LIMITS.spriteEdge));
    add("sprites.height", wholeProblem(draft.spriteHeight, LIMITS.spriteEdge));
  }
  return problems;
}

/**
 * Where the server's word on a setting belongs: `ladder.rungs.edge: an even number` → the field `ladder.rungs`. Null where it names
 * no field of the form.
 */
export function serverProblem(
  detail: string | null,
  fields: readonly string[],
): { field: string; text: string } | null {
  const [named = "", ...rest] = (detail ?? "").split(":");
  const path =
    named
      .trim()
      .split(" ")[0]
      ?.replace(/^settings\./, "") ?? "";
  const field = fields
    .filter((one) => path === one || path.startsWith(`${one}.`))
    .sort((a, b) => b.length - a.length)[0];
  return field === undefined || detail === null ? null : { field, text: rest.join(":").trim() || detail };
}

function nameProblem(name: string): Problem | null {
  const length = new TextEncoder().encode(name.trim()).length;
  if (length === 0) return { key: "ui.required" };
  return length > NAME_CHARS_MAX ? { key: "workflows.problem.name" } : null;
}

function rungProblems(rungs: readonly RungDraft[]): [string, Problem | null][] {
  const [min, max] = LIMITS.rungs;
  const problems: [string, Problem | null][] = [];
  if (rungs.length < min || rungs.length > max)
    problems.push(["ladder.rungs", { key: "workflows.problem.rungs", values: { min, max } }]);
  const seen = new Set<number>();
  rungs.forEach(({ edge, kilobits }, index) => {
    const twice: Problem | null = seen.has(Number(edge)) ? { key: "workflows.problem.twice" } : null;
    seen.add(Number(edge));
    problems.push([`ladder.rungs.${index}.edge`, edgeProblem(edge) ?? twice]);
    problems.push([`ladder.rungs.${index}.videoBitRate`, thousandsProblem(kilobits, LIMITS.videoBitRate)]);
  });
  return problems;
}

function edgeProblem(text: string): Problem | null {
  const [min, max] = LIMITS.edge;
  return wholeProblem(text, LIMITS.edge) === null && Number(text) % 2 === 0
    ? null
    : { key: "workflows.problem.edge", values: { min, max } };
}

function wholeProblem(text: string, [min, max]: readonly [number, number]): Problem | null {
  const n = Number(text);
  const fits = /^\d+$/.test(text.trim()) && n >= min && n <= max;
  return fits ? null : { key: "workflows.problem.whole", values: { min, max } };
}

/** What was typed is in thousands of what the API takes: kbit/s for bit/s, seconds for milliseconds. */
function thousandsProblem(text: string, [min, max]: readonly [number, number]): Problem | null {
  const n = Number(text) * 1000;
  const fits = /^\d+(\.\d{1,3})?$/.test(text.trim()) && n >= min && n <= max;
  return fits ? null : { key: "workflows.problem.number", values: { min: min / 1000, max: max / 1000 } };
}
