import { call, list, type Page } from "./call.ts";
import type { Mode } from "./titles.ts";

export const PRESETS = [
  "ultrafast",
  "superfast",
  "veryfast",
  "faster",
  "fast",
  "medium",
  "slow",
  "slower",
  "veryslow",
] as const;

export const CIPHERS = ["aes-128-cbc", "chacha20-poly1305"] as const;
export type Cipher = (typeof CIPHERS)[number];

export interface Rung {
  readonly edge: number;
  readonly videoBitRate: number;
}

export type Ladder =
  | { readonly kind: "auto"; readonly maxEdge: number | null }
  | { readonly kind: "copy" }
  | { readonly kind: "rungs"; readonly rungs: readonly Rung[] };

/** docs/WORKFLOW.md, "Workflows". */
export interface WorkflowSettings {
  readonly ladder: Ladder;
  readonly container: "fmp4" | "ts";
  readonly mode: Mode;
  readonly cipher: Cipher | null;
  readonly segmentSecs: number;
  readonly periodSegments: number;
  /** So many seconds at the beginning are not encrypted; a server that does not say means none. */
  readonly clearLeadSecs?: number;
  readonly audioBitRate: number;
  readonly preset: (typeof PRESETS)[number];
  readonly cover: { readonly kind: "best" } | { readonly kind: "at"; readonly positionMs: number } | null;
  readonly sprites: { readonly everySecs: number; readonly width: number; readonly height: number } | null;
  readonly publish: "auto" | "manual";
}

export interface Workflow {
  readonly workflowId: string;
  readonly name: string;
  readonly settings: WorkflowSettings;
  readonly builtIn: boolean;
}

const at = (workflowId: string): string => `/v1/workflows/${encodeURIComponent(workflowId)}`;

export const listWorkflows = (after: string | null, signal?: AbortSignal): Promise<Page<Workflow>> =>
  list("workflows", "/v1/workflows", { query: { after, limit: 200 }, signal });

export const readWorkflow = (workflowId: string, signal?: AbortSignal): Promise<Workflow> =>
  call("GET", at(workflowId), { signal });

/** The id may be left out: the server then makes one. */
export const createWorkflow = (workflow: {
  readonly workflowId?: string;
  readonly name: string;
  readonly settings: WorkflowSettings;
}): Promise<Workflow> => call("POST", "/v1/workflows", { body: workflow, create: true });

export const replaceWorkflow = (
  workflowId: string,
  workflow: { readonly name: string; readonly settings: WorkflowSettings },
): Promise<Workflow> => call("PUT", at(workflowId), { body: workflow });

export const deleteWorkflow = (workflowId: string): Promise<null> => call("DELETE", at(workflowId));
