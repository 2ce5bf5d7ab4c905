/** The nouns of docs/PROTOCOL.md that page and worker share. Nothing here touches `window`. */

export type TrackClass = "AUDIO" | "SD" | "HD" | "UHD";

/** `standard` is HLS that any player plays; only `private` needs the worker's decryptor. */
export type TitleMode = "private" | "standard" | "clear";

/** docs/LEVELS.md. `standard` is that of standard titles, wherever their engine runs. */
export type PlaybackLevel = "sealed" | "guarded" | "standard";
const LEVELS: readonly PlaybackLevel[] = ["sealed", "guarded", "standard"];
export type SdkLevel = Exclude<PlaybackLevel, "standard">;
/** Why a session is not sealed. */
export type Downgrade = "browser" | "application" | "own_hls" | "hls_settings";

const TRACK_CLASSES: readonly TrackClass[] = ["AUDIO", "SD", "HD", "UHD"];

export interface Rendition {
  readonly rendition: number;
  readonly kind: "video" | "audio" | "subtitles";
  readonly trackClass: TrackClass;
  readonly name: string;
  readonly language: string | null;
  readonly width: number | null;
  readonly height: number | null;
  /** Peak, in bits per second. */
  readonly bandwidth: number | null;
  readonly codecs: string | null;
  readonly playlist: string;
  readonly segmentCount: number;
}

export interface TitleInfo {
  readonly appId: number;
  readonly fileId: string;
  readonly name: string;
  readonly durationMs: number;
  readonly mode: TitleMode;
  /** Which encryption of the title. */
  readonly version: number;
  readonly cipher: Cipher | null;
  readonly container: "fmp4" | "ts";
  readonly segmentMs: number;
  readonly periodSegments: number;
  readonly segmentCount: number;
  /** So many segments at the beginning of every rendition are not encrypted. */
  readonly clearLeadSegments: number;
  readonly renditions: readonly Rendition[];
}

/** When the session ends, by the server's clock. */
export interface SessionInfo {
  readonly id: string | null;
  readonly expiresAt: number;
  readonly serverTime: number;
  /** As the server holds it; null for clear titles, of a prolonged session, and where an older server does not say. */
  readonly level: PlaybackLevel | null;
}

export interface ResolutionName {
  readonly minEdgeLength: number;
  readonly name: string;
}

/** The beginning of a title, where the signature covers no more. */
export interface Preview {
  /** So many segments of every rendition. */
  readonly segments: number;
  /** Where they end, in milliseconds. */
  readonly endMs: number;
}

/** What `/v1/play` says about a title: all of its answer but the grant, which stays in the worker. */
export interface Playback {
  readonly session: SessionInfo;
  readonly title: TitleInfo;
  readonly playlistUrl: string;
  readonly watermark: string | null;
  readonly resolutionNames: readonly ResolutionName[];
  /** Where it ends, if the signature does not cover the whole title. */
  readonly preview: Preview | null;
  /** The WebVTT file of its thumbnails; null where it has none. */
  readonly spritesUrl: string | null;
  /** The highest track class that signature and rules leave; null where the server does not say. */
  readonly maxTrack: TrackClass | null;
  /** The classes whose keys the signature gives; empty for titles that are not private. */
  readonly trackClasses: readonly TrackClass[];
}

/** What `/v1/keys` says next to its grant. */
export interface Renewal {
  readonly session: SessionInfo;
  readonly playlistUrl: string;
  /** The highest track class that is left now; null: as before. */
  readonly maxTrack: TrackClass | null;
}

export const CIPHERS = ["aes-128-cbc", "chacha20-poly1305"] as const;
export type Cipher = (typeof CIPHERS)[number];

/** Which segment of which title: the fragment that playlists carry to the fragment loader. */
export interface SegmentRef {
  readonly fileId: string;
  readonly trackClass: number;
  readonly period: number;
  readonly rendition: number;
  readonly segment: number;
  readonly cipher: Cipher;
}

export const SEGMENT_FRAGMENT = "#keyveil=";

/** The one there was first, which a fragment does not name. */
const FIRST_CIPHER: Cipher = "aes-128-cbc";
const FILE_ID = /^[A-Za-z0-9_-]{1,64}$/;
const SEGMENT_REF = /^([A-Za-z0-9_-]{1,64})\/([0-3])\/(\d{1,10})\/(\d{1,5})\/(\d{1,10})(?:\/(chacha20-poly1305))?$/;
const U16_MAX = 0xffff;
const U32_MAX = 0xffffffff;

export const isFileId = (text: string): boolean => FILE_ID.test(text);

/** The number that stands for a track class in key derivation, or `null` for a name that is none. */
export function trackClassNumber(name: string): number | null {
  const number = TRACK_CLASSES.indexOf(name as TrackClass);
  return number < 0 ? null : number;
}

export function formatSegmentRef(ref: SegmentRef): string {
  const place = `${ref.fileId}/${ref.trackClass}/${ref.period}/${ref.rendition}/${ref.segment}`;
  return ref.cipher === FIRST_CIPHER ? place : `${place}/${ref.cipher}`;
}

/** `null` for a text that breaks the form or a number's range. */
export function parseSegmentRef(text: string): SegmentRef | null {
  const parts = SEGMENT_REF.exec(text);
  if (!parts) return null;
  const [, fileId = "", trackClass, period, rendition, segment, cipherName] = parts;
  const ref = {
    fileId,
    trackClass: Number(trackClass),
    period: Number(period),
    rendition: Number(rendition),
    segment: Number(segment),
    cipher: cipherName === "chacha20-poly1305" ? cipherName : FIRST_CIPHER,
  };
  return ref.period > U32_MAX || ref.segment > U32_MAX || ref.rendition > U16_MAX ? null : ref;
}

/** Splits a segment URL into what is fetched and what it is; `null` when it carries no fragment of ours. */
export function splitSegmentUrl(url: string): { url: string; reference: string } | null {
  const at = url.indexOf(SEGMENT_FRAGMENT);
  return at < 0 ? null : { url: url.slice(0, at), reference: url.slice(at + SEGMENT_FRAGMENT.length) };
}

/** Only the public part of a `/v1/play` answer, and only when it has the right form. */
export function publicPlayback(answer: unknown, trackClasses: readonly TrackClass[]): Playback | null {
  if (!isRecord(answer)) return null;
  const { session, title, playlistUrl, watermark, resolutionNames, preview = null, spritesUrl, maxTrack } = answer;
  if (!isSession(session) || !isTitle(title) || typeof playlistUrl !== "string") return null;
  if (preview !== null && !isPreview(preview)) return null;
  return {
    session: publicSession(session),
    title: { ...title, clearLeadSegments: title.clearLeadSegments ?? 0 },
    playlistUrl,
    watermark: typeof watermark === "string" && watermark.trim() !== "" ? watermark : null,
    resolutionNames: Array.isArray(resolutionNames) ? resolutionNames.filter(isResolutionName) : [],
    preview: preview && { segments: preview.segments, endMs: preview.endMs },
    spritesUrl: isWebAddress(spritesUrl) ? spritesUrl : null,
    maxTrack: trackClass(maxTrack),
    trackClasses,
  };
}

/** Only the public part of a `/v1/keys` answer. */
export function publicRenewal(answer: unknown): Renewal | null {
  if (!isRecord(answer)) return null;
  const { session, playlistUrl, maxTrack } = answer;
  if (!isSession(session) || typeof playlistUrl !== "string") return null;
  return { session: publicSession(session), playlistUrl, maxTrack: trackClass(maxTrack) };
}

/** What is left of a title once a renewal allows another class at most. What was left out before stays so. */
export function limitedTo(playback: Playback, maxTrack: TrackClass | null): Playback {
  const max = trackClassNumber(maxTrack ?? "");
  if (max === null) return playback;
  const trackClasses = playback.trackClasses.filter((name) => TRACK_CLASSES.indexOf(name) <= max);
  return { ...playback, maxTrack, trackClasses };
}

function trackClass(name: unknown): TrackClass | null {
  return TRACK_CLASSES.find((known) => known === name) ?? null;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As it is sent: a level is left out by older servers and by renewals. */
type SentSession = Omit<SessionInfo, "level"> & { readonly level?: unknown };

function publicSession({ id, expiresAt, serverTime, level }: SentSession): SessionInfo {
  return { id, expiresAt, serverTime, level: LEVELS.find((name) => name === level) ?? null };
}

function isSession(value: unknown): value is SentSession {
  if (!isRecord(value)) return false;
  const { id, expiresAt, serverTime } = value;
  return (id === null || typeof id === "string") && Number.isFinite(expiresAt) && Number.isFinite(serverTime);
}

/** As it is sent: a lead of no segments is left out. */
type SentTitle = Omit<TitleInfo, "clearLeadSegments"> & { readonly clearLeadSegments?: number };

function isTitle(value: unknown): value is SentTitle {
  if (!isRecord(value)) return false;
  const { fileId, mode, version, periodSegments, segmentCount, clearLeadSegments = 0, renditions } = value;
  return (
    typeof fileId === "string" &&
    isFileId(fileId) &&
    (mode === "private" || mode === "standard" || mode === "clear") &&
    isCount(version) &&
    isCount(periodSegments) &&
    isCount(segmentCount) &&
    isCount(clearLeadSegments) &&
    Array.isArray(renditions)
  );
}

function isPreview(value: unknown): value is Preview {
  return isRecord(value) && isCount(value.segments) && isCount(value.endMs);
}

function isWebAddress(value: unknown): value is string {
  return typeof value === "string" && /^https?:/.test(value) && URL.canParse(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isResolutionName(value: unknown): value is ResolutionName {
  return isRecord(value) && Number.isFinite(value.minEdgeLength) && typeof value.name === "string";
}
