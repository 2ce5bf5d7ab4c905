/** What hls.js may load for a private title, and what is looked at before it gets it. */
import type { FragmentLoaderContext, LoaderCallbacks, LoaderContext } from "hls.js";
import { KeyveilError } from "../errors.js";
import { isInitSegment } from "./init-segment.js";
import type { PlaylistRules } from "./playlist.js";
import { isWebVtt } from "./subtitles.js";

type Callbacks = LoaderCallbacks<LoaderContext>;
/** Tells of an error; what it gives back is the HTTP status that hls.js hears. */
export type Refuse = (error: KeyveilError) => number;

/**
 * Why this can't be of a private title, or null. hls.js may read a playlist otherwise than the playlist loader does: a segment, none of
 * the clear lead, that that one has not marked is not played. Subtitles have no init segment: hls.js puts it before each of them,
 * so that one could make captions of whatever follows. Others are clear, and looked at once they are there.
 */
export function whyForeign(
  context: LoaderContext,
  { isPrivate, clearLead }: PlaylistRules,
  isMarked: boolean,
): KeyveilError | null {
  if (!isPrivate) return null;
  const sn = segmentOf(context);
  if (sn === "initSegment") return isOfSubtitles(context) ? damaged("Subtitles have an init segment.") : null;
  const ofLead = typeof sn === "number" && sn >= 0 && sn < clearLead;
  if (isMarked || ofLead) return null;
  return new KeyveilError("key_tag_malformed", undefined, { cause: "A segment carries no mark." });
}

/** hls.js' callbacks, or ones that look first. */
export function lookedAt(
  context: LoaderContext,
  { isPrivate }: PlaylistRules,
  callbacks: Callbacks,
  refuse: Refuse,
): Callbacks {
  if (!isPrivate) return callbacks;
  if (segmentOf(context) === "initSegment") return only(isInitSegment, "An init segment", callbacks, refuse);
  return isOfSubtitles(context) ? only(isWebVtt, "A segment of subtitles", callbacks, refuse) : callbacks;
}

function only(isGood: (data: unknown) => boolean, name: string, callbacks: Callbacks, refuse: Refuse): Callbacks {
  // In pieces it could be used before it was looked at.
  const { onProgress, ...whole } = callbacks;
  return {
    ...whole,
    onSuccess: (response, stats, context, details) => {
      if (isGood(response.data)) {
        callbacks.onSuccess(response, stats, context, details);
        return;
      }
      const error = damaged(`${name} holds something else.`);
      callbacks.onError({ code: refuse(error), text: error.code }, context, null, stats);
    },
  };
}

function segmentOf(context: LoaderContext): number | "initSegment" | undefined {
  return (context as FragmentLoaderContext).frag?.sn;
}

function isOfSubtitles(context: LoaderContext): boolean {
  return (context as FragmentLoaderContext).frag?.type === "subtitle";
}

function damaged(cause: string): KeyveilError {
  return new KeyveilError("segment_damaged", undefined, { cause });
}
