/** Subtitles of a private title: captions' lines leave a sealed worker, so nothing else may pass for them. */

const SIGNATURE = /^WEBVTT(?:[ \t\r\n]|$)/;

/** WebVTT, and text to its last byte: media is not. */
export function isWebVtt(data: unknown): boolean {
  if (!(data instanceof ArrayBuffer)) return false;
  try {
    return SIGNATURE.test(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch {
    return false;
  }
}
