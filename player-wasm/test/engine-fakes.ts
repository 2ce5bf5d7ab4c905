/** Stand-ins for what a sealed worker has of the browser: media sources, their buffers, and the page's video. */
import type { EngineCommand, EngineReport, VideoSnapshot } from "../ts/engine-messages.js";
import { MediaSources } from "../ts/worker/engine/globals.js";
import { nowMs, VideoShim } from "../ts/worker/engine/video-shim.js";

type Ranges = readonly (readonly [number, number])[];

/** A `TimeRanges` that refuses an index as the browser's does. */
export function timeRanges(ranges: Ranges): TimeRanges {
  const at = (index: number) => {
    const range = ranges[index];
    if (!range) throw new DOMException("no such range", "IndexSizeError");
    return range;
  };
  return { length: ranges.length, start: (index) => at(index)[0], end: (index) => at(index)[1] };
}

export class FakeMediaSource extends EventTarget {
  readonly handle = { name: "a handle" } as unknown as MediaSourceHandle;
  readonly sourceBuffers: { buffered: TimeRanges }[] = [];
  readyState: "closed" | "open" | "ended" = "open";
  duration = Number.NaN;

  constructor(...buffers: Ranges[]) {
    super();
    this.sourceBuffers = buffers.map((ranges) => ({ buffered: timeRanges(ranges) }));
  }
}

export function snapshot(changes: Partial<VideoSnapshot> = {}): VideoSnapshot {
  return {
    currentTime: 0,
    atMs: nowMs(),
    playbackRate: 1,
    paused: true,
    ended: false,
    seeking: false,
    readyState: 0,
    playedRanges: 0,
    videoWidth: 0,
    videoHeight: 0,
    clientWidth: 640,
    clientHeight: 360,
    pixelRatio: 2,
    totalVideoFrames: 0,
    droppedVideoFrames: 0,
    visible: true,
    error: null,
    ...changes,
  };
}

export type Media = Extract<EngineReport, { type: "media" }>;

/** A shim with a source, and what it told the page. */
export function shimmed(mediaSource: FakeMediaSource | null = new FakeMediaSource([[0, 20]])) {
  const sources = new MediaSources();
  const reports: EngineReport[] = [];
  const transferred: Transferable[][] = [];
  const shim = new VideoShim(
    (report, transfer) => {
      reports.push(report);
      if (transfer) transferred.push(transfer);
    },
    sources,
    snapshot(),
  );
  const give = (source: FakeMediaSource) => {
    shim.src = sources.add(source as unknown as MediaSource);
  };
  if (mediaSource) give(mediaSource);
  const receive = (event: string | null, changes: Partial<VideoSnapshot> = {}, generation = shim.generation) =>
    shim.receive({ type: "video", generation, event, snapshot: snapshot(changes) });
  const of = <T extends EngineReport["type"]>(type: T) =>
    reports.filter((report) => report.type === type) as Extract<EngineReport, { type: T }>[];
  return { shim, sources, reports, transferred, give, receive, of };
}

export const START: Extract<EngineCommand, { type: "engine-start" }> = {
  type: "engine-start",
  startPosition: -1,
  settings: {},
  video: snapshot(),
};
