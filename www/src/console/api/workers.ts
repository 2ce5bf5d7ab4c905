import { call, list, type Page } from "./call.ts";
import type { JobKind } from "./jobs.ts";

export type WorkerState = "online" | "draining" | "offline";

export interface HeldJob {
  readonly jobId: string;
  readonly fileId: string;
  readonly kind: JobKind;
  readonly percent: number | null;
}

export interface Worker {
  readonly workerId: string;
  readonly name: string;
  readonly version: string;
  readonly protocolVersion: number;
  readonly state: WorkerState;
  /** Somebody here wants it to take no more jobs. */
  readonly drain: boolean;
  readonly cpus: number;
  readonly memoryBytes: number | null;
  readonly jobsMax: number;
  readonly kinds: readonly JobKind[];
  readonly encoders: readonly string[];
  /** Of whichever application. */
  readonly jobsRunning: number;
  /** Of this application. */
  readonly jobs: readonly HeldJob[];
  readonly startedAt: number;
  readonly lastSeenAt: number;
}

export const listWorkers = (after: string | null, signal?: AbortSignal): Promise<Page<Worker>> =>
  list("workers", "/v1/workers", { query: { after }, signal });

export const setWorkerDrain = (workerId: string, drain: boolean): Promise<Worker> =>
  call("POST", `/v1/workers/${encodeURIComponent(workerId)}/${drain ? "drain" : "undrain"}`, { body: {} });
