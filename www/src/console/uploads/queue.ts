import type { Failure } from "../../shared/failure.ts";

/** A file on its way to the server. */
export interface Upload {
  readonly id: number;
  readonly appId: number;
  readonly name: string;
  readonly sizeBytes: number;
  readonly sentBytes: number;
  readonly state: UploadState;
  readonly failure: Failure | null;
  /** Of the title it becomes, once the server knows it. */
  readonly fileId: string | null;
  /** Smoothed over the last seconds; null while it is not known. */
  readonly bytesPerSec: number | null;
  /** When the speed was last measured, and what had been sent then. */
  readonly mark: { readonly atMs: number; readonly sentBytes: number } | null;
}

export type UploadState = "waiting" | "sending" | "paused" | "failed" | "done";

/** More at once are not faster, and each would wait longer. */
export const SENDING_MAX = 3;

export function changed(
  uploads: readonly Upload[],
  id: number,
  change: (upload: Upload) => Partial<Upload>,
): readonly Upload[] {
  return uploads.map((upload) => (upload.id === id ? { ...upload, ...change(upload) } : upload));
}

/** Those to begin with now: as many as there is room for, in order. */
export function toBegin(uploads: readonly Upload[]): readonly Upload[] {
  const room = SENDING_MAX - uploads.filter(({ state }) => state === "sending").length;
  return uploads.filter(({ state }) => state === "waiting").slice(0, Math.max(0, room));
}

/** What progress changes: the speed is an average that forgets, so that it neither jumps nor lags. */
export function progressed(upload: Upload, sentBytes: number, atMs: number): Partial<Upload> {
  const { mark } = upload;
  if (mark === null || sentBytes < mark.sentBytes) return { sentBytes, mark: { atMs, sentBytes } };
  const secs = (atMs - mark.atMs) / 1000;
  if (secs < MEASURE_SECS_MIN) return { sentBytes };
  const now = (sentBytes - mark.sentBytes) / secs;
  const weight = 1 - Math.exp(-secs / SMOOTH_SECS);
  const bytesPerSec = upload.bytesPerSec === null ? now : upload.bytesPerSec + weight * (now - upload.bytesPerSec);
  return { sentBytes, bytesPerSec, mark: { atMs, sentBytes } };
}

/** It stands still: what was measured says nothing about how it goes on. */
export function stopped(state: Exclude<UploadState, "sending">): Partial<Upload> {
  return { state, bytesPerSec: null, mark: null };
}

/** Null while it can't be told. */
export function leftSecs({ sizeBytes, sentBytes, bytesPerSec, state }: Upload): number | null {
  if (state !== "sending" || bytesPerSec === null || bytesPerSec < 1) return null;
  return Math.ceil((sizeBytes - sentBytes) / bytesPerSec);
}

export function percentOf({ sizeBytes, sentBytes }: Upload): number {
  return sizeBytes === 0 ? 0 : (sentBytes / sizeBytes) * 100;
}

/** Those that leaving the page would interrupt. */
export function unfinished(uploads: readonly Upload[]): readonly Upload[] {
  return uploads.filter(({ state }) => state === "sending" || state === "waiting");
}

const MEASURE_SECS_MIN = 0.4;
const SMOOTH_SECS = 4;
