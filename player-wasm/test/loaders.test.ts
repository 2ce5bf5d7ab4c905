import type { HlsConfig, Loader, LoaderCallbacks, LoaderConfiguration, LoaderContext, LoaderStats } from "hls.js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { createLoaders, createStandardLoaders, type LoaderConstructor, type LoaderHost } from "../ts/hls/loaders.js";
import type { PlaylistRules } from "../ts/hls/playlist.js";
import type { LoadedSegment, OnLoadProgress, SegmentLoadRequest } from "../ts/page/worker-connection.js";
import { settle } from "./fakes.js";

const MARKED = "http://media.test/media/one/title-1/v/s3.m4s#keyveil=title-1/1/0/2/3";

/** hls.js' own loader as far as subclasses see it, with its contract: destroy() takes stats away. */
class BaseLoader implements Loader<LoaderContext> {
  static last: BaseLoader;
  context: LoaderContext | null = null;
  stats = newStats();
  callbacks: LoaderCallbacks<LoaderContext> | null = null;
  loads = 0;
  aborts = 0;

  constructor(readonly config: HlsConfig) {
    BaseLoader.last = this;
  }

  load(context: LoaderContext, _config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
    this.loads += 1;
    this.context = context;
    this.callbacks = callbacks;
  }

  abort(): void {
    this.aborts += 1;
  }

  destroy(): void {
    this.callbacks = this.context = null;
    this.stats = null as unknown as LoaderStats;
  }
}

function newStats(): LoaderStats {
  const timing = () => ({ start: 0, first: 0, end: 0 });
  const zeros = { aborted: false, loaded: 0, retry: 0, total: 0, chunkCount: 0, bwEstimate: 0 };
  return { ...zeros, loading: timing(), parsing: timing(), buffering: timing() };
}

class FakeHost implements LoaderHost {
  readonly reported: KeyveilError[] = [];
  readonly requests: SegmentLoadRequest[] = [];
  isPrivate = true;
  clearLead = 0;
  signal: AbortSignal | null = null;
  progress: OnLoadProgress = () => undefined;
  resolve: (loaded: LoadedSegment) => void = () => undefined;
  reject: (error: KeyveilError) => void = () => undefined;
  onReport: () => void = () => undefined;

  currentUrl(url: string): string {
    return url.replace("/one/", "/two/");
  }

  playlistRules(): PlaylistRules {
    return { isPrivate: this.isPrivate, clearLead: this.clearLead, denied: new Set() };
  }

  load(request: SegmentLoadRequest, signal: AbortSignal, onProgress: OnLoadProgress): Promise<LoadedSegment> {
    this.requests.push(request);
    this.signal = signal;
    this.progress = onProgress;
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  report(error: KeyveilError): void {
    this.reported.push(error);
    this.onReport();
  }
}

const CONFIG = {
  loadPolicy: { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 60_000, timeoutRetry: null, errorRetry: null },
  maxRetry: 0,
  timeout: 0,
  retryDelay: 0,
  maxRetryDelay: 0,
} as LoaderConfiguration;

function callbacks() {
  const calls: string[] = [];
  const log = (name: string) => vi.fn(() => void calls.push(name));
  const all = {
    onSuccess: log("success"),
    onError: log("error"),
    onTimeout: log("timeout"),
    onAbort: log("abort"),
    onProgress: log("progress"),
  };
  return { ...all, calls };
}

function start(url = MARKED, changes: Partial<LoaderContext> = {}, isPrivate = true, clearLead = 0) {
  const host = new FakeHost();
  host.isPrivate = isPrivate;
  host.clearLead = clearLead;
  const { fLoader } = createLoaders(host, BaseLoader as unknown as LoaderConstructor);
  const loader = new (fLoader as unknown as LoaderConstructor)({} as HlsConfig);
  const stats = loader.stats;
  const context = { url, responseType: "arraybuffer", frag: { start: 18 }, ...changes } as unknown as LoaderContext;
  const called = callbacks();
  loader.load(context, CONFIG, called);
  return { host, loader, stats, context, called };
}

const loaded = (bytes = new ArrayBuffer(5)): LoadedSegment => ({
  bytes,
  status: 200,
  loadedBytes: 16,
  timing: { ttfbMs: 20, fetchMs: 100, decryptMs: 400 },
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the fragment loader", () => {
  test("sends a marked segment through the worker, without the mark and with its range", () => {
    const { host } = start(MARKED, { rangeStart: 10, rangeEnd: 42 });
    expect(host.requests).toEqual([
      {
        url: "http://media.test/media/one/title-1/v/s3.m4s",
        reference: "title-1/1/0/2/3",
        rangeStart: 10,
        rangeEnd: 42,
        positionMs: 18_000,
      },
    ]);
    expect(BaseLoader.last.loads).toBe(0);
  });

  test("leaves everything else to the application's loader, under the current token", () => {
    const frag = { start: 0, sn: "initSegment" } as never;
    const { host, context } = start("http://media.test/media/one/title-1/v/init.mp4", { frag } as never);
    expect(host.requests).toEqual([]);
    expect(BaseLoader.last.loads).toBe(1);
    expect(context.url).toBe("http://media.test/media/two/title-1/v/init.mp4");
    const clear = start("http://media.test/media/one/title-1/v/init.mp4", { frag } as never, false);
    expect(BaseLoader.last.callbacks).toBe(clear.called);
  });

  test("refuses a private title's segment without a mark, however it got past the playlist", () => {
    const { host, called, context, stats } = start("http://elsewhere.test/clear.ts", {
      frag: { start: 0, sn: 3 },
    } as never);
    expect(BaseLoader.last.loads).toBe(0);
    expect(host.reported.map(({ code, fatal }) => [code, fatal])).toEqual([["key_tag_malformed", true]]);
    expect(called.onError).toHaveBeenCalledWith({ code: 403, text: "key_tag_malformed" }, context, null, stats);
  });

  test("leaves the clear lead to the application's loader, under the current token, and nothing behind it", () => {
    const url = "http://media.test/media/one/title-1/v/s1.m4s";
    const lead = start(url, { frag: { start: 6, sn: 1 } } as never, true, 2);
    expect(lead.host.reported).toEqual([]);
    expect([BaseLoader.last.loads, lead.context.url]).toEqual([1, url.replace("/one/", "/two/")]);
    for (const sn of [2, -1, Number.NaN, undefined]) {
      const behind = start(url, { frag: { start: 12, sn } } as never, true, 2);
      expect(BaseLoader.last.loads, `${sn}`).toBe(0);
      expect(behind.host.reported.map(({ code }) => code)).toEqual(["key_tag_malformed"]);
    }
  });

  test("leaves a clear title's segments to the application's loader", () => {
    const { host } = start("http://media.test/s.ts", { frag: { start: 0, sn: 3 } } as never, false);
    expect(host.reported).toEqual([]);
    expect(BaseLoader.last.loads).toBe(1);
  });

  test("hands over clear bytes: progress first, then success, in the same stats object", async () => {
    const { host, stats, context, called } = start();
    const segment = loaded();
    host.resolve(segment);
    await settle();
    expect(called.calls).toEqual(["progress", "success"]);
    expect(called.onProgress).toHaveBeenCalledWith(stats, context, segment.bytes, null);
    const url = "http://media.test/media/one/title-1/v/s3.m4s";
    expect(called.onSuccess).toHaveBeenCalledWith({ url, data: segment.bytes, code: 200 }, stats, context, null);
  });

  test("keeps decryption out of the bandwidth estimate", async () => {
    const { host, stats } = start();
    await vi.advanceTimersByTimeAsync(900); // 100 ms on the network, the rest waiting and decrypting
    host.resolve(loaded());
    await settle();
    expect(stats.loading.end - stats.loading.start).toBeCloseTo(100, 0);
    expect(stats.loading.first - stats.loading.start).toBeCloseTo(20, 0);
    expect([stats.loaded, stats.total]).toEqual([16, 16]);
  });

  test("shows progress in stats while it loads, so that hls.js can give up on a slow segment", () => {
    const { host, stats } = start();
    vi.advanceTimersByTime(50);
    host.progress({ loadedBytes: 8, totalBytes: 16, complete: false });
    expect([stats.loaded, stats.total]).toEqual([8, 16]);
    expect(stats.loading.first).toBeGreaterThan(0);
  });

  test("survives hls.js destroying it within a callback", async () => {
    const { host, loader, called } = start();
    called.onSuccess.mockImplementation(() => {
      loader.destroy();
      return undefined;
    });
    host.resolve(loaded());
    await settle();
    expect(loader.stats).toBeNull();
    expect(called.calls).toEqual(["progress"]);
    expect(called.onSuccess).toHaveBeenCalledOnce();
  });

  test("tells an abort and nothing after it", async () => {
    const { host, loader, stats, called } = start();
    loader.abort();
    expect(called.calls).toEqual(["abort"]);
    expect(stats.aborted).toBe(true);
    expect(host.signal?.aborted).toBe(true);
    host.resolve(loaded());
    loader.abort();
    await settle();
    expect(called.calls).toEqual(["abort"]);
  });

  test("calls nobody once it is destroyed", async () => {
    const { host, loader, called } = start();
    loader.destroy();
    expect(host.signal?.aborted).toBe(true);
    host.reject(new KeyveilError("network"));
    await settle();
    expect(called.calls).toEqual([]);
  });

  test("aborts the application's loader when that one loads", () => {
    const { loader } = start("http://media.test/init.mp4", { frag: { start: 0, sn: "initSegment" } } as never);
    loader.abort();
    expect(BaseLoader.last.aborts).toBe(1);
  });

  test("times out without a first byte, during the load, and during decryption", async () => {
    const first = start();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(first.called.calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(first.called.calls).toEqual(["timeout"]);
    expect(first.host.signal?.aborted).toBe(true);

    const second = start();
    second.host.progress({ loadedBytes: 1, totalBytes: 16, complete: false });
    await vi.advanceTimersByTimeAsync(59_000);
    expect(second.called.calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(second.called.calls).toEqual(["timeout"]);

    const third = start();
    third.host.progress({ loadedBytes: 16, totalBytes: 16, complete: true });
    await vi.advanceTimersByTimeAsync(20_001);
    expect(third.called.calls).toEqual(["timeout"]);
  });

  test("waits for keys as long as they are late, and no longer", async () => {
    for (const isLoaded of [true, false]) {
      const { host, called, stats } = start();
      if (isLoaded) host.progress({ loadedBytes: 16, totalBytes: 0, complete: true });
      host.progress({ loadedBytes: 0, totalBytes: 0, complete: false, heldMs: 300_000 });
      if (!isLoaded) host.progress({ loadedBytes: 16, totalBytes: 0, complete: true });
      // To hls.js it is loaded: it looks for no smaller one, and keeps no sample of the wait.
      expect([stats.loaded, stats.total]).toEqual([16, 16]);
      await vi.advanceTimersByTimeAsync(319_000);
      expect(called.calls).toEqual([]);
      await vi.advanceTimersByTimeAsync(1_001);
      expect(called.calls).toEqual(["timeout"]);
    }
    const { host, called, stats } = start();
    host.progress({ loadedBytes: 16, totalBytes: 16, complete: true });
    host.progress({ loadedBytes: 0, totalBytes: 0, complete: false, heldMs: 300_000 });
    await vi.advanceTimersByTimeAsync(300_050);
    host.resolve(loaded());
    await settle();
    expect(called.calls).toEqual(["progress", "success"]);
    expect(stats.loading.end - stats.loading.start).toBe(100);
  });

  test("is used once", () => {
    const { loader, context, called } = start();
    loader.stats.loading.start = 1;
    expect(() => loader.load(context, CONFIG, called)).toThrow("once");
  });

  const statuses: [KeyveilError, number][] = [
    [new KeyveilError("network"), 503],
    [new KeyveilError("unavailable", undefined, { status: 503 }), 503],
    [new KeyveilError("kms_unavailable", undefined, { status: 503 }), 503],
    [new KeyveilError("not_found", undefined, { status: 404 }), 404],
    [new KeyveilError("segment_damaged"), 422],
    [new KeyveilError("key_not_granted"), 403],
    [new KeyveilError("psign_expired", undefined, { status: 401 }), 401],
    [new KeyveilError("worker_crashed"), 403],
  ];
  for (const [error, status] of statuses) {
    test(`reports ${error.code} as ${status}, which is ${status >= 500 ? "" : "not "}tried again`, async () => {
      const { host, called, context, stats } = start();
      host.reject(error);
      await settle();
      expect(host.reported).toEqual([error]);
      expect(called.onError).toHaveBeenCalledWith({ code: status, text: error.code }, context, null, stats);
    });
  }

  test("calls nobody when a listener of the error stopped hls.js", async () => {
    const { host, loader, called } = start();
    host.onReport = () => loader.destroy();
    host.reject(new KeyveilError("key_not_granted"));
    await settle();
    expect(called.calls).toEqual([]);
  });
});

describe("an init segment", () => {
  const box = (name: string, content = 0, length = 8 + content) => {
    const bytes = new Uint8Array(8 + content);
    new DataView(bytes.buffer).setUint32(0, length);
    bytes.set(new TextEncoder().encode(name), 4);
    return bytes;
  };
  const file = (...boxes: Uint8Array[]) => Uint8Array.from(boxes.flatMap((bytes) => [...bytes])).buffer;
  const frag = { start: 0, sn: "initSegment" } as never;
  const url = "http://media.test/media/one/title-1/v/init.mp4";
  const init = file(box("ftyp", 20), box("moov", 1300));

  /** Answers by the application's loader, or for a marked address by the worker. */
  async function answer(data: unknown, { isPrivate = true, marked = false } = {}) {
    const started = start(marked ? MARKED : url, { frag } as never, isPrivate);
    const { host, stats, context } = started;
    if (marked) host.resolve(loaded(data as ArrayBuffer));
    else {
      BaseLoader.last.callbacks?.onProgress?.(stats, context, data as ArrayBuffer, null);
      BaseLoader.last.callbacks?.onSuccess({ url, data: data as ArrayBuffer, code: 200 }, stats, context, null);
    }
    await settle();
    return started;
  }

  const good: Record<string, ArrayBuffer> = {
    "of what the packager writes": init,
    "with room and an index": file(box("ftyp"), box("free", 9), box("skip"), box("moov", 9), box("sidx", 12)),
    "of the greatest length": file(box("ftyp"), box("moov", (1 << 20) - 16)),
  };
  for (const [name, data] of Object.entries(good)) {
    test(`${name} is handed over once it is there whole`, async () => {
      for (const marked of [false, true]) {
        const { host, called } = await answer(data, { marked });
        expect([called.calls, host.reported]).toEqual([["success"], []]);
        const [response] = called.onSuccess.mock.calls[0] as unknown as [{ data: ArrayBuffer }];
        expect(response.data).toBe(data);
      }
    });
  }

  const bad: Record<string, unknown> = {
    "with media behind it": file(box("ftyp"), box("moov"), box("moof", 9), box("mdat", 99)),
    "with media alone": file(box("mdat", 9)),
    "with a fragment": file(box("moof", 9), box("ftyp")),
    "with a box that is none of it": file(box("ftyp"), box("moov"), box("uuid", 16)),
    "of MPEG-TS": new Uint8Array(188).fill(0x47).buffer,
    "with a box that goes to the end": file(box("ftyp"), box("moov", 0, 0), box("mdat", 9)),
    "with a box whose length is elsewhere": file(box("ftyp", 8, 1), box("mdat", 9)),
    "with a box that is longer than all": file(box("ftyp"), box("moov", 9, 18)),
    "with half a box": file(box("ftyp"), new Uint8Array(7)),
    "that is too long": file(box("ftyp"), box("moov", (1 << 20) - 15)),
    "that is no bytes": "ftyp",
  };
  for (const [name, data] of Object.entries(bad)) {
    test(`${name} is refused in a private title`, async () => {
      for (const marked of [false, true]) {
        const { host, called, context, stats } = await answer(data, { marked });
        expect(called.calls).toEqual(["error"]);
        expect(called.onError).toHaveBeenCalledWith({ code: 422, text: "segment_damaged" }, context, null, stats);
        expect(host.reported.map(({ code }) => code)).toEqual(["segment_damaged"]);
      }
      expect((await answer(data, { isPrivate: false })).called.calls).toEqual(["progress", "success"]);
    });
  }
});

describe("subtitles", () => {
  const text = (content: string) => new TextEncoder().encode(content).buffer;
  const bytes = (...parts: (string | number[])[]) =>
    Uint8Array.from(parts.flatMap((part) => [...(typeof part === "string" ? new Uint8Array(text(part)) : part)]))
      .buffer;
  const CUE = "00:00.000 --> 00:01.000\n";

  /** Marked as of the title, or of its clear lead. */
  async function answer(data: unknown, { isPrivate = true, marked = true, type = "subtitle" } = {}) {
    const frag = { start: 0, sn: 0, type } as never;
    const started = start(marked ? MARKED : "http://media.test/s.vtt", { frag } as never, isPrivate, 1);
    const { host, stats, context } = started;
    if (isPrivate && marked) host.resolve(loaded(data as ArrayBuffer));
    else {
      const response = { url: "", data: data as ArrayBuffer, code: 200 };
      BaseLoader.last.callbacks?.onProgress?.(stats, context, data as ArrayBuffer, null);
      BaseLoader.last.callbacks?.onSuccess(response, stats, context, null);
    }
    await settle();
    return started;
  }

  const good: Record<string, ArrayBuffer> = {
    "with cues in any script": text(`WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:1,LOCAL:0\n\n${CUE}字幕 ümlaut 🎬`),
    "with a byte order mark": bytes([0xef, 0xbb, 0xbf], "WEBVTT - a title\r\n\r\n", CUE, "x"),
    "without a cue": text("WEBVTT"),
  };
  for (const [name, data] of Object.entries(good)) {
    test(`${name} are handed over once they are there whole`, async () => {
      for (const marked of [true, false]) {
        const { host, called } = await answer(data, { marked });
        expect([called.calls, host.reported]).toEqual([["success"], []]);
        const [response] = called.onSuccess.mock.calls[0] as unknown as [{ data: ArrayBuffer }];
        expect(response.data).toBe(data);
      }
    });
  }

  const bad: Record<string, unknown> = {
    "that are media": bytes([0, 0, 0, 24], "styp", "msdh", [0, 0, 0, 0], "mdat", [0xff, 0xfe]),
    "that are text and no WebVTT": text(`${CUE}media as text`),
    "whose header is another": text(`WEBVTTX\n\n${CUE}x`),
    "with media behind their header": bytes("WEBVTT\n\n", CUE, [0x65, 0x88, 0x84, 0xff]),
    "that are empty": new ArrayBuffer(0),
    "that are no bytes": "WEBVTT",
  };
  for (const [name, data] of Object.entries(bad)) {
    test(`${name} are refused in a private title`, async () => {
      for (const marked of [true, false]) {
        const { host, called, context, stats } = await answer(data, { marked });
        expect(called.calls).toEqual(["error"]);
        expect(called.onError).toHaveBeenCalledWith({ code: 422, text: "segment_damaged" }, context, null, stats);
        expect(host.reported.map(({ code }) => code)).toEqual(["segment_damaged"]);
      }
      expect((await answer(data, { type: "main" })).called.calls, "video may").toEqual(["progress", "success"]);
      expect((await answer(data, { isPrivate: false, marked: false })).called.calls).toEqual(["progress", "success"]);
    });
  }

  test("of a private title have no init segment: hls.js would put it before them", () => {
    for (const url of [MARKED, "http://media.test/init.mp4"]) {
      const ask = (type: string) => {
        BaseLoader.last = null as unknown as BaseLoader;
        const { host, called } = start(url, { frag: { start: 0, sn: "initSegment", type } } as never);
        const loads = host.requests.length + BaseLoader.last.loads;
        return { loads, calls: called.calls, reported: host.reported.map(({ code }) => code) };
      };
      expect(ask("audio"), url).toEqual({ loads: 1, calls: [], reported: [] });
      expect(ask("subtitle"), url).toEqual({ loads: 0, calls: ["error"], reported: ["segment_damaged"] });
    }
  });
});

describe("the playlist loader", () => {
  function startPlaylist() {
    const host = new FakeHost();
    const { pLoader } = createLoaders(host, BaseLoader as unknown as LoaderConstructor);
    const loader = new (pLoader as unknown as LoaderConstructor)({} as HlsConfig);
    const context = {
      url: "http://media.test/media/one/title-1/v/playlist.m3u8",
      responseType: "text",
    } as LoaderContext;
    const called = callbacks();
    loader.load(context, CONFIG, called);
    const answer = (data: string) =>
      BaseLoader.last.callbacks?.onSuccess({ url: context.url, data, code: 200 }, loader.stats, context, null);
    return { host, context, called, answer };
  }

  test("asks under the current token and rewrites the key tag", () => {
    const { context, called, answer } = startPlaylist();
    expect(context.url).toContain("/media/two/");
    answer(
      '#EXTM3U\n#EXT-X-KEY:METHOD=KEYVEIL,URI="keyveil:t/0",CIPHER="aes-128-cbc",TRACK-CLASS="SD",RENDITION=0,' +
        'KEYFORMAT="com.keyveil",KEYFORMATVERSIONS="1"\n#EXTINF:6,\ns0.ts',
    );
    const [response] = called.onSuccess.mock.calls[0] as unknown as [{ data: string }];
    expect(response.data).toBe("#EXTM3U\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:6,\ns0.ts#keyveil=t/1/0/0/0");
  });

  test("turns a playlist it can't understand into an error", () => {
    const { host, called, answer } = startPlaylist();
    answer("#EXTM3U\n#EXT-X-KEY:METHOD=KEYVEIL\n#EXTINF:6,\ns0.ts");
    expect(called.calls).toEqual(["error"]);
    expect(host.reported.map(({ code, fatal }) => [code, fatal])).toEqual([["key_tag_malformed", true]]);
  });
});

test("a standard title's keys are fetched by the application's own loader, under the current token", () => {
  const host = new FakeHost();
  host.isPrivate = false;
  const { loader: KeyLoader } = createStandardLoaders(host, BaseLoader as unknown as LoaderConstructor);
  const loader = new (KeyLoader as unknown as LoaderConstructor)({} as HlsConfig);
  const context = { url: "http://keys.test/one/HD/0" } as LoaderContext;
  const called = callbacks();
  loader.load(context, CONFIG, called);
  expect([BaseLoader.last.loads, BaseLoader.last.context?.url]).toEqual([1, "http://keys.test/two/HD/0"]);
  // hls.js looks its keys up by the address that it asked for.
  expect(context.url).toBe("http://keys.test/one/HD/0");
  const { stats } = loader;
  const sent = BaseLoader.last.context as LoaderContext;
  const answered = BaseLoader.last.callbacks;
  const response = { url: "", data: new ArrayBuffer(16), code: 200 };
  answered?.onSuccess(response, stats, sent, null);
  answered?.onError({ code: 401, text: "" }, sent, null, stats);
  answered?.onTimeout(stats, sent, null);
  answered?.onAbort?.(stats, sent, null);
  expect(called.calls).toEqual(["success", "error", "timeout", "abort"]);
  expect(called.onSuccess).toHaveBeenCalledWith(response, stats, context, null);
  expect(called.onError).toHaveBeenCalledWith({ code: 401, text: "" }, context, null, stats);
  const ofPrivate = createLoaders(host, BaseLoader as unknown as LoaderConstructor);
  expect("loader" in ofPrivate, "a private title's are not").toBe(false);
});
