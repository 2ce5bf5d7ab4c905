import type { ConsoleKey } from "../../i18n/console.ts";
import type { App, AppChange } from "../api/apps.ts";
import type { BelowMinLevel, Level } from "../api/levels.ts";

export const UNITS = { minutes: 60, hours: 3600, days: 86_400 } as const;
export type Unit = keyof typeof UNITS;

/** An application's settings as they stand in the form. */
export interface AppDraft {
  readonly name: string;
  /** One to a line. */
  readonly domains: string;
  readonly maxAge: string;
  readonly maxAgeUnit: Unit;
  /** Empty: the built-in default. */
  readonly defaultWorkflowId: string;
  readonly uploadGigabytes: string;
  /** Separated by commas or spaces. */
  readonly uploadTypes: string;
  readonly minLevel: Level;
  readonly belowMinLevel: BelowMinLevel;
}

export type AppProblem = { readonly key: ConsoleKey; readonly values?: Record<string, string | number> };

const GIGA = 1e9;
const DOMAINS_MAX = 64;
const UPLOAD_BYTES_MAX = 2 ** 40;
const UPLOAD_TYPES_MAX = 64;
const NAME_BYTES_MAX = 256;
const MAX_AGE_SECS_MAX = 366 * 86_400;

export function appDraftOf(app: App): AppDraft {
  const [unit, size] = (Object.entries(UNITS) as [Unit, number][])
    .toReversed()
    .find(([, secs]) => app.maxAgeSecs % secs === 0) ?? ["minutes", UNITS.minutes];
  return {
    name: app.name,
    domains: app.domains.join("\n"),
    maxAge: String(app.maxAgeSecs / size),
    maxAgeUnit: unit,
    defaultWorkflowId: app.defaultWorkflowId ?? "",
    uploadGigabytes: String(app.uploadBytesMax / GIGA),
    uploadTypes: app.uploadTypes.join(", "),
    minLevel: app.minLevel,
    belowMinLevel: app.belowMinLevel,
  };
}

/** What is wrong, by field of the API; empty when nothing is. */
export function checkApp(draft: AppDraft): ReadonlyMap<keyof AppChange, AppProblem> {
  const problems = new Map<keyof AppChange, AppProblem>();
  const name = draft.name.trim();
  if (name === "") problems.set("name", { key: "ui.required" });
  else if (new TextEncoder().encode(name).length > NAME_BYTES_MAX)
    problems.set("name", { key: "workflows.problem.name" });
  const domains = domainsOf(draft);
  const wrong = domains.find((domain) => !isDomain(domain));
  if (wrong !== undefined) problems.set("domains", { key: "appSettings.domains.wrong", values: { domain: wrong } });
  else if (domains.length > DOMAINS_MAX)
    problems.set("domains", { key: "appSettings.domains.many", values: { max: DOMAINS_MAX } });
  const secs = maxAgeSecsOf(draft);
  if (!(Number.isInteger(secs) && secs >= 1 && secs <= MAX_AGE_SECS_MAX))
    problems.set("maxAgeSecs", { key: "appSettings.maxAge.wrong" });
  const bytes = uploadBytesOf(draft);
  if (!(Number.isInteger(bytes) && bytes >= 1 && bytes <= UPLOAD_BYTES_MAX))
    problems.set("uploadBytesMax", { key: "appSettings.uploadBytes.wrong", values: { max: 1099 } });
  const types = typesOf(draft);
  if (types.length === 0 || types.length > UPLOAD_TYPES_MAX || !types.every((type) => /^[a-z0-9]{1,16}$/.test(type)))
    problems.set("uploadTypes", { key: "appSettings.uploadTypes.wrong" });
  return problems;
}

/** Only what differs: a field that nobody touched is not written back over someone else's change. */
export function changeOf(app: App, draft: AppDraft): AppChange {
  const next: Required<AppChange> = {
    name: draft.name.trim(),
    domains: domainsOf(draft),
    maxAgeSecs: maxAgeSecsOf(draft),
    defaultWorkflowId: draft.defaultWorkflowId === "" ? null : draft.defaultWorkflowId,
    uploadBytesMax: uploadBytesOf(draft),
    uploadTypes: typesOf(draft),
    minLevel: draft.minLevel,
    belowMinLevel: draft.belowMinLevel,
  };
  const fields = Object.keys(next) as (keyof AppChange)[];
  const changed = fields.filter((field) => JSON.stringify(next[field]) !== JSON.stringify(app[field]));
  return Object.fromEntries(changed.map((field) => [field, next[field]]));
}

/** `example.com`, `*.example.com`, either with a port: a host name, no address of a page. The server decides in the end. */
export function isDomain(text: string): boolean {
  if (/[/@?#\s]/.test(text)) return false;
  const rest = text.startsWith("*.") ? text.slice(2) : text;
  if (rest === "" || rest.includes("*")) return false;
  const url = `http://${rest}`;
  return URL.canParse(url) && new URL(url).pathname === "/";
}

const maxAgeSecsOf = (draft: AppDraft): number => numberOf(draft.maxAge) * UNITS[draft.maxAgeUnit];
const uploadBytesOf = (draft: AppDraft): number => Math.round(numberOf(draft.uploadGigabytes) * GIGA);
const domainsOf = (draft: AppDraft): string[] => parts(draft.domains, /[\s,]+/);
const typesOf = (draft: AppDraft): string[] =>
  parts(draft.uploadTypes.toLowerCase(), /[\s,]+/).map((type) => type.replace(/^\./, ""));

function numberOf(text: string): number {
  return /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN;
}

function parts(text: string, between: RegExp): string[] {
  return [...new Set(text.split(between).filter((part) => part !== ""))];
}
