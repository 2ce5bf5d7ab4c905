import type { ConsoleKey } from "../../i18n/console.ts";
import type { BelowMinLevel, Level } from "../api/levels.ts";
import type { SignatureWish } from "../api/signatures.ts";

/** The limits of a signature as they stand in the form: empty where there is none. */
export interface LimitsDraft {
  readonly previewSecs: string;
  readonly addressLimit: string;
  /** Separated by spaces, commas or lines, as the other lists. */
  readonly ip: string;
  readonly domains: string;
  readonly once: boolean;
  readonly sessions: string;
  readonly us: string;
  readonly watermark: string;
  /** A line for each: `720 HD`. */
  readonly resolutionNames: string;
  readonly kid: string;
  /** Empty: as the application says. That any level is allowed, no signature can say. */
  readonly minLevel: "" | Exclude<Level, "standard">;
  readonly belowMinLevel: BelowMinLevel;
}

export const NO_LIMITS: LimitsDraft = {
  previewSecs: "",
  addressLimit: "",
  ip: "",
  domains: "",
  once: false,
  sessions: "",
  us: "",
  watermark: "",
  resolutionNames: "",
  kid: "",
  minLevel: "",
  belowMinLevel: "refuse",
};

type LimitField = keyof LimitsDraft;

const NUMBERS = { previewSecs: 2 ** 31, addressLimit: 9, sessions: 100 } as const;
const WATERMARK_BYTES_MAX = 128;
const LISTS = { ip: 16, domains: 32 } as const;
const NAMES_MAX = 16;
const NAME_LINE = /^(\d{1,5})[\s:=,]+(\S.{0,63})$/;

/** What is wrong, by field. Whether an address or a host name is one, the server says. */
export function limitProblems(draft: LimitsDraft, uid: string): ReadonlyMap<LimitField, ConsoleKey> {
  const problems = new Map<LimitField, ConsoleKey>();
  for (const [field, max] of Object.entries(NUMBERS) as [keyof typeof NUMBERS, number][]) {
    const text = draft[field].trim();
    if (text !== "" && !(/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= max))
      problems.set(field, `signatures.${field}.wrong`);
  }
  if (draft.sessions.trim() !== "" && uid.trim() === "") problems.set("sessions", "signatures.sessions.uid");
  for (const [field, max] of Object.entries(LISTS) as [keyof typeof LISTS, number][])
    if (words(draft[field]).length > max) problems.set(field, `signatures.${field}.wrong`);
  if (!/^[A-Za-z0-9_-]{0,64}$/.test(draft.us.trim())) problems.set("us", "signatures.us.wrong");
  if (!/^[A-Za-z0-9_-]{0,64}$/.test(draft.kid.trim())) problems.set("kid", "signatures.kid.wrong");
  if (new TextEncoder().encode(draft.watermark.trim()).length > WATERMARK_BYTES_MAX)
    problems.set("watermark", "signatures.watermark.wrong");
  const names = lines(draft.resolutionNames);
  if (names.length > NAMES_MAX || !names.every((line) => NAME_LINE.test(line)))
    problems.set("resolutionNames", "signatures.resolutionNames.wrong");
  return problems;
}

/** What the draft asks for. Only for drafts in which nothing is wrong. */
export function limitsOf(draft: LimitsDraft): Partial<SignatureWish> {
  const number = (text: string): number | undefined => (text.trim() === "" ? undefined : Number(text));
  const list = (all: readonly string[]): readonly string[] | undefined => (all.length === 0 ? undefined : all);
  const text = (typed: string): string | undefined => typed.trim() || undefined;
  const names = lines(draft.resolutionNames).map((line) => {
    const [, edge, name = ""] = NAME_LINE.exec(line) ?? [];
    return { minEdgeLength: Number(edge), name };
  });
  const asked = {
    previewSecs: number(draft.previewSecs),
    addressLimit: number(draft.addressLimit),
    ip: list(words(draft.ip)),
    domains: list(words(draft.domains)),
    once: draft.once || undefined,
    sessions: number(draft.sessions),
    us: text(draft.us),
    watermark: text(draft.watermark),
    resolutionNames: names.length === 0 ? undefined : names,
    kid: text(draft.kid),
    minLevel: draft.minLevel || undefined,
    // Without a least level there is nothing below it.
    belowMinLevel: draft.minLevel === "" ? undefined : draft.belowMinLevel,
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");
const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
