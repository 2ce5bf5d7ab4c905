import { call, list, type Page } from "./call.ts";
import type { Cause } from "./titles.ts";
import type { WorkflowSettings } from "./workflows.ts";

export type JobKind = "package" | "reencrypt";
export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export interface Job {
  readonly jobId: string;
  readonly fileId: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly priority: number;
  readonly attempt: number;
  readonly version: number | null;
  readonly worker: string | null;
  readonly stage: "transcoding" | "encrypting" | null;
  readonly percent: number | null;
  readonly leftSecs: number | null;
  readonly speed: number | null;
  readonly failure: Cause | null;
  readonly settings: WorkflowSettings | null;
  /** Not claimed before this. */
  readonly runAfter: number;
  readonly leaseExpiresAt: number | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export interface LogLine {
  readonly seq: number;
  readonly at: number;
  readonly line: string;
}

const at = (jobId: string, rest = ""): string => `/v1/jobs/${encodeURIComponent(jobId)}${rest}`;

export const listJobs = (
  filter: { readonly fileId?: string; readonly state?: readonly JobState[] },
  after: string | null,
  signal?: AbortSignal,
): Promise<Page<Job>> => list("jobs", "/v1/jobs", { query: { ...filter, after }, signal });

export const readJob = (jobId: string, signal?: AbortSignal): Promise<Job> => call("GET", at(jobId), { signal });

/** Oldest first; `next` after the last line is given as long as the job can write more. */
export const readJobLog = (jobId: string, after: string | null, signal?: AbortSignal): Promise<Page<LogLine>> =>
  list("lines", at(jobId, "/log"), { query: { after, limit: 200 }, signal });

export const cancelJob = (jobId: string): Promise<Job> => call("POST", at(jobId, "/cancel"), { body: {} });

export const setJobPriority = (jobId: string, priority: number): Promise<Job> =>
  call("PATCH", at(jobId), { body: { priority } });
