/** Stand-ins for what the browser and the server are: a worker that the test answers for, and the facts of a title. */
import type { FromWorker, ToWorker } from "../ts/messages.js";
import type { WorkerLike } from "../ts/page/worker-connection.js";
import type { Playback, SessionInfo } from "../ts/protocol.js";

type Listener = (event: Event) => void;
type Answer = (message: ToWorker, worker: FakeWorker) => void;

export class FakeWorker implements WorkerLike {
  readonly received: ToWorker[] = [];
  terminated = false;
  readonly #listeners = new Map<string, Listener[]>();
  readonly #answer: Answer;

  constructor(answer: Answer = readyOnInit) {
    this.#answer = answer;
  }

  postMessage(message: unknown): void {
    this.received.push(message as ToWorker);
    queueMicrotask(() => this.#answer(message as ToWorker, this));
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  terminate(): void {
    this.terminated = true;
  }

  send(message: FromWorker): void {
    this.dispatch("message", { data: message });
  }

  dispatch(type: "message" | "error" | "messageerror", event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as Event);
  }

  of<T extends ToWorker["type"]>(type: T): Extract<ToWorker, { type: T }>[] {
    return this.received.filter((message) => message.type === type) as Extract<ToWorker, { type: T }>[];
  }
}

export function readyOnInit(message: ToWorker, worker: FakeWorker): void {
  if (message.type === "init") worker.send({ type: "ready" });
}

export const INIT = { type: "init", server: "http://keys.test", credentials: "same-origin" } as const;

export function session(lifetimeSecs = 3600): SessionInfo {
  return { id: "AAAAAAAAAAAAAAAAAAAAAA", expiresAt: 1000 + lifetimeSecs, serverTime: 1000, level: null };
}

export const playlistUrl = (token: string) => `http://media.test/media/${token}/title-1/master.m3u8`;

export function playback(changes: Partial<Playback> = {}): Playback {
  const rendition = { language: null, width: null, height: null, bandwidth: null, codecs: null, segmentCount: 10 };
  return {
    session: session(),
    title: {
      appId: 1,
      fileId: "title-1",
      name: "A title",
      durationMs: 60_000,
      mode: "private",
      version: 1,
      cipher: "aes-128-cbc",
      container: "fmp4",
      segmentMs: 6000,
      periodSegments: 2,
      segmentCount: 10,
      clearLeadSegments: 0,
      renditions: [
        { ...rendition, rendition: 0, kind: "video", trackClass: "SD", name: "360p", playlist: "v360p/playlist.m3u8" },
        {
          ...rendition,
          rendition: 1,
          kind: "video",
          trackClass: "UHD",
          name: "2160p",
          playlist: "v2160p/playlist.m3u8",
        },
      ],
    },
    playlistUrl: playlistUrl("one"),
    watermark: null,
    resolutionNames: [],
    preview: null,
    spritesUrl: null,
    maxTrack: null,
    trackClasses: ["AUDIO", "SD"],
    ...changes,
  };
}

/** Lets every promise that can go on do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Workers that play whatever they are asked for, as they are made. */
export function playingWorkers() {
  const workers: FakeWorker[] = [];
  const createWorker = () => {
    const worker = new FakeWorker((message, self) => {
      if (message.type === "play") self.send({ type: "played", id: message.id, playback: playback() });
      else readyOnInit(message, self);
    });
    workers.push(worker);
    return worker;
  };
  return { workers, createWorker };
}
