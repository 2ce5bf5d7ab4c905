import { call, list, type Page } from "./call.ts";
import type { JobKind, JobState } from "./jobs.ts";

export const TITLE_STATES = [
  "uploading",
  "queued",
  "transcoding",
  "encrypting",
  "ready",
  "published",
  "failed",
] as const;
/** `deleted` comes by the stream of changes only. */
export type TitleState = (typeof TITLE_STATES)[number] | "deleted";
export type Mode = "private" | "standard" | "clear";
export type TrackClass = "AUDIO" | "SD" | "HD" | "UHD";

/** Why a title or a job failed. */
export interface Cause {
  readonly code: string;
  readonly message: string;
}

export interface Title {
  readonly fileId: string;
  readonly appId: number;
  readonly name: string;
  readonly description: string;
  readonly labels: readonly string[];
  readonly mode: Mode;
  readonly state: TitleState;
  readonly percent: number | null;
  readonly leftSecs: number | null;
  readonly failure: Cause | null;
  readonly workflowId: string | null;
  readonly version: number | null;
  readonly durationMs: number | null;
  /** Of the source. */
  readonly sizeBytes: number | null;
  /** Of the media made from it. */
  readonly storedBytes: number | null;
  readonly fileName: string | null;
  readonly coverUrl: string | null;
  readonly spritesUrl: string | null;
  /** The latest unfinished one. */
  readonly job: TitleJob | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly publishedAt: number | null;
  readonly changeSeq: number;
}

export interface TitleJob {
  readonly jobId: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly percent: number | null;
  readonly attempt: number;
}

export interface Rendition {
  readonly rendition: number;
  readonly kind: "video" | "audio" | "subtitles";
  readonly trackClass: TrackClass;
  readonly name: string;
  readonly language: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly bandwidth: number | null;
  readonly codecs: string | null;
  readonly playlist: string;
  readonly segmentCount: number;
}

/** What one title's answer has beyond the list's. */
export interface TitleDetail extends Title {
  readonly renditions: readonly Rendition[];
  readonly versions: readonly Version[];
}

/** One encryption of a title. */
export interface Version {
  readonly version: number;
  readonly current: boolean;
  readonly container: "fmp4" | "ts" | null;
  readonly cipher: string | null;
  readonly segmentMs: number | null;
  readonly periodSegments: number | null;
  readonly storedBytes: number | null;
  readonly createdAt: number;
  readonly committedAt: number | null;
}

export const SORTS = ["createdAt", "updatedAt", "name", "durationMs", "sizeBytes"] as const;
export type SortField = (typeof SORTS)[number];
export type Sort = SortField | `-${SortField}`;

export interface TitleFilter {
  readonly search: string;
  readonly states: readonly TitleState[];
  readonly labels: readonly string[];
  readonly sort: Sort;
}

export interface TitleByUrl {
  readonly url: string;
  readonly name?: string;
  readonly labels?: readonly string[];
  readonly workflowId?: string;
}

export type TitleChange = Partial<Pick<Title, "name" | "description" | "labels">>;

/** How often the keys of one period were released. */
export interface PeriodRelease {
  readonly trackClass: TrackClass;
  readonly period: number;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

const at = (fileId: string, rest = ""): string => `/v1/titles/${encodeURIComponent(fileId)}${rest}`;

export const listTitles = (
  filter: TitleFilter,
  after: string | null,
  signal?: AbortSignal,
  limit = 50,
): Promise<Page<Title>> =>
  list("titles", "/v1/titles", {
    query: { search: filter.search, state: filter.states, label: filter.labels, sort: filter.sort, after, limit },
    signal,
  });

export const createTitle = (title: TitleByUrl): Promise<Title> =>
  call("POST", "/v1/titles", { body: title, create: true });

export const readTitle = (fileId: string, signal?: AbortSignal): Promise<TitleDetail> =>
  call("GET", at(fileId), { signal });

export const changeTitle = (fileId: string, change: TitleChange): Promise<TitleDetail> =>
  call("PATCH", at(fileId), { body: change });

export const deleteTitle = (fileId: string): Promise<null> => call("DELETE", at(fileId));

export type TitleAction = "publish" | "unpublish" | "retry" | "reencrypt";

export const actOnTitle = (fileId: string, action: TitleAction): Promise<Title> =>
  call("POST", at(fileId, `/${action}`), { body: {} });

export const listPeriods = (fileId: string, signal?: AbortSignal): Promise<Page<PeriodRelease>> =>
  list("periods", at(fileId, "/periods"), { signal });
