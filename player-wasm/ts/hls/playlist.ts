/**
 * Turns a private playlist into one that hls.js plays: the key tag says METHOD=NONE, and each segment's URI says, behind a `#`
 * that no server sees, which segment it is. What can't be understood is refused and never passed on as if it were clear.
 */
import { KeyveilError } from "../errors.js";
import { CIPHERS, type Cipher, formatSegmentRef, isFileId, SEGMENT_FRAGMENT, trackClassNumber } from "../protocol.js";

const KEY_TAG = "#EXT-X-KEY:";
/** No master playlist has one of these, and no media playlist is without. Looked for anywhere: hls.js finds tags behind blanks, too. */
const OF_MEDIA_PLAYLIST = /#EXT(?:INF|-X-TARGETDURATION|-X-KEY):/;
/** What ends a line for hls.js and not for us: behind it a tag would stand that we take for a comment's rest. */
const OTHER_LINE_END = /\r(?!\n)|[\u2028\u2029]/;
const KEY_TAG_CHARS_MAX = 1024;
const PLAYLIST_CHARS_MAX = 16 << 20;
const SEQUENCE_TAG = "#EXT-X-MEDIA-SEQUENCE:";
/** Tells hls.js of a title to play in between, which is no part of this one. */
const INTERSTITIAL_TAG = "#EXT-X-DATERANGE:";
const PLAIN_KEY_TAG = "#EXT-X-KEY:METHOD=NONE";
const KEY_URI = /^keyveil:([^/]*)\/(0|[1-9]\d{0,9})$/;
const ATTRIBUTE = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\r\n]*)(?:,|$)/y;
const NUMBER = /^(0|[1-9]\d*)$/;
const U16_MAX = 0xffff;
const U32_MAX = 0xffffffff;

interface KeyTag {
  readonly fileId: string;
  readonly period: number;
  readonly trackClass: number;
  readonly rendition: number;
  readonly cipher: Cipher;
}

export interface PlaylistRules {
  /** Of a private title: whatever a playlist would have played without our key tag was put there by someone else. */
  readonly isPrivate: boolean;
  /** So many segments of a private title are clear, and need no key tag. */
  readonly clearLead: number;
  /** Playlists whose keys the signature does not give. */
  readonly denied: ReadonlySet<string>;
}

/** A media or master playlist, ready for hls.js. */
export function rewritePlaylist(text: string, rules: PlaylistRules): string {
  if (text.length > PLAYLIST_CHARS_MAX) throw malformed("The playlist is too long.");
  const isMaster = text.includes("#EXT-X-STREAM-INF:") && !OF_MEDIA_PLAYLIST.test(text);
  return isMaster ? withoutDenied(text, rules.denied) : withFragments(text, rules);
}

function withFragments(text: string, { isPrivate, clearLead }: PlaylistRules): string {
  if (isPrivate && OTHER_LINE_END.test(text)) throw malformed("A private title has a line that ends as none does.");
  // Looked for in the whole text: a class can be put together from variables.
  if (isPrivate && text.includes(INTERSTITIAL_TAG)) throw malformed("A private title has a date range.");
  let key: KeyTag | null = null;
  let segment = 0;
  const lines = text.split(/\r?\n/).map((line) => {
    if (line.startsWith(KEY_TAG)) {
      key = parseKeyTag(line);
      if (isPrivate && !key) throw malformed("A private title has another key tag.");
      return key ? PLAIN_KEY_TAG : line;
    }
    // hls.js finds it behind blanks and behind the number of an EXTINF.
    if (isPrivate && line.includes(KEY_TAG)) throw malformed("A private title has a key tag within a line.");
    if (line.startsWith(SEQUENCE_TAG)) segment = number(line.slice(SEQUENCE_TAG.length).trim(), U32_MAX);
    if (key && line.startsWith("#EXT-X-PART:")) throw malformed("Partial segments can't be encrypted.");
    if (line.trim() === "" || line.startsWith("#")) return line;
    if (isPrivate && !key && segment >= clearLead) throw malformed("A private title has a segment without a key tag.");
    const uri = key ? segmentUri(line.trim(), key, segment) : line;
    segment += 1;
    return uri;
  });
  return lines.join("\n");
}

function segmentUri(uri: string, key: KeyTag, segment: number): string {
  const [address] = uri.split("#", 1);
  return `${address}${SEGMENT_FRAGMENT}${formatSegmentRef({ ...key, segment })}`;
}

/** `null` for a tag that is not ours. One that is ours in part is malformed. */
function parseKeyTag(line: string): KeyTag | null {
  const ours = line.includes("KEYVEIL") || line.includes("com.keyveil");
  if (!ours) return null;
  if (new TextEncoder().encode(line).length > KEY_TAG_CHARS_MAX) throw malformed("The line is too long.");
  const attributes = parseAttributes(line.slice(KEY_TAG.length));
  const one = (name: string, quoted: boolean) => {
    const value = attributes.get(name);
    if (value === undefined || value.startsWith('"') !== quoted) throw malformed(`${name} is missing or misquoted.`);
    return quoted ? value.slice(1, -1) : value;
  };
  if (one("METHOD", false) !== "KEYVEIL") throw malformed("METHOD and KEYFORMAT contradict each other.");
  if (one("KEYFORMAT", true) !== "com.keyveil" || one("KEYFORMATVERSIONS", true) !== "1") {
    throw malformed("KEYFORMAT or KEYFORMATVERSIONS is unknown.");
  }
  const cipherName = one("CIPHER", true);
  const cipher = CIPHERS.find((known) => known === cipherName);
  if (cipher === undefined) throw malformed("CIPHER is unknown.");
  const [, fileId = "", period = ""] = KEY_URI.exec(one("URI", true)) ?? [];
  const trackClass = trackClassNumber(one("TRACK-CLASS", true));
  if (!isFileId(fileId) || trackClass === null) throw malformed("URI or TRACK-CLASS can't be read.");
  const rendition = number(one("RENDITION", false), U16_MAX);
  return { fileId, period: number(period, U32_MAX), trackClass, rendition, cipher };
}

/** An attribute list (RFC 8216, section 4.2), whole; a repeated name is malformed. */
function parseAttributes(list: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  ATTRIBUTE.lastIndex = 0;
  let end = 0;
  while (end < list.length) {
    const parts = ATTRIBUTE.exec(list);
    const [whole = "", name = "", value = ""] = parts ?? [];
    if (!parts || attributes.has(name)) throw malformed("The attribute list can't be read.");
    attributes.set(name, value);
    end += whole.length;
  }
  if (list.endsWith(",")) throw malformed("The attribute list can't be read.");
  return attributes;
}

/** Drops the variants that could only end in `key_not_granted`. */
function withoutDenied(text: string, denied: ReadonlySet<string>): string {
  if (denied.size === 0) return text;
  const kept: string[] = [];
  let variant: string[] | null = null;
  let variants = 0;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) variant = [line];
    else if (!variant) kept.push(line);
    else if (line.trim() === "" || line.startsWith("#")) variant.push(line);
    else {
      const isDenied = isOneOf(denied, line);
      if (!isDenied) kept.push(...variant, line);
      variants += isDenied ? 0 : 1;
      variant = null;
    }
  }
  if (variants === 0) throw new KeyveilError("key_not_granted");
  return kept.join("\n");
}

/** Addresses that a media origin signed are absolute, and end as they do in the title's folder. */
function isOneOf(playlists: ReadonlySet<string>, uri: string): boolean {
  const path = uri
    .trim()
    .replace(/[?#].*$/, "")
    .replace(/^\.\//, "");
  return [...playlists].some((playlist) => path === playlist || path.endsWith(`/${playlist}`));
}

function number(text: string, max: number): number {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw malformed("A number can't be read.");
  return value;
}

function malformed(cause: string): KeyveilError {
  return new KeyveilError("key_tag_malformed", undefined, { cause });
}
