// A segment that is decrypted while it arrives: in which pieces it came, when its keys came and where it ended makes no difference.
import { afterEach, expect, test, vi } from "vitest";
import type { KeyveilError } from "../ts/errors.js";
import { SegmentLoader } from "../ts/worker/segment-loader.js";
import { Session } from "../ts/worker/session.js";
import { FakeWasm } from "./fake-wasm.js";
import { playback, settle } from "./fakes.js";

const PIECE = 64;
const MIB = 1 << 20;

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A body whose bytes come when the test says so. */
class Body {
  cancelled = false;
  reads = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly stream = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.reads += 1;
      },
      cancel: () => {
        this.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );

  arrive(...pieces: Uint8Array[]): void {
    for (const piece of pieces) this.#controller?.enqueue(piece);
  }

  end(): void {
    this.#controller?.close();
  }

  fail(reason: unknown): void {
    this.#controller?.error(reason);
  }
}

interface Keys {
  answer(): void;
  refuse(): void;
}

/** A loader whose session holds periods 0 and 1. Keys of others come when the test says so, if it wants that. */
async function playing({ headers = {}, lateKeys = false } = {}) {
  const wasm = new FakeWasm();
  wasm.pieceLen = PIECE;
  const body = new Body();
  const asked: Keys[] = [];
  const keysAnswer = () => Response.json({ ...playback(), grant: {} });
  vi.stubGlobal("fetch", async (url: string, { signal }: RequestInit = {}) => {
    if (url.endsWith("/v1/play") || (url.endsWith("/v1/keys") && !lateKeys)) return keysAnswer();
    if (url.endsWith("/v1/keys")) {
      return new Promise<Response>((resolve) => {
        const refusal = { error: { code: "session_expired", message: "m", requestId: "r" } };
        asked.push({
          answer: () => resolve(keysAnswer()),
          refuse: () => resolve(Response.json(refusal, { status: 401 })),
        });
      });
    }
    signal?.addEventListener("abort", () => body.fail(new DOMException("aborted", "AbortError")));
    return new Response(body.stream, { headers });
  });
  const events = { exchange: () => undefined, renewed: () => undefined, paced: () => undefined };
  const session = new Session(wasm, "http://keys.test", "same-origin", events);
  await session.play({ psign: "p", fileId: undefined, positionMs: 0, level: "guarded", downgrade: "browser" });
  const loader = new SegmentLoader(wasm, session, "same-origin");
  const abort = new AbortController();
  const load = (period = 0) =>
    loader.load(
      { url: "http://media.test/s", reference: `title-1/1/${period}/0/0`, positionMs: 0 },
      abort.signal,
      () => undefined,
    );
  return { wasm, body, asked, session, loader, abort, load };
}

const tasks = async () => {
  await settle();
  await new Promise((resolve) => setTimeout(resolve, 0));
  await settle();
};
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "not refused",
    (error: KeyveilError) => error.code,
  );

function counted(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 255);
}

/** Cut at places that look like chance and are the same in every run; some parts are empty. */
function cut(bytes: Uint8Array, seed: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  let state = seed + 1;
  while (at < bytes.length) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    const length = (state >> 8) % (seed % 3 === 0 ? 9 : 150);
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}

test("is the same however its bytes arrive", async () => {
  const lengths = [1, 2, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 1000];
  const headers = (length: number) => [{}, { "Content-Length": String(length) }, { "Content-Length": "100" }];
  for (const length of lengths) {
    for (const header of headers(length)) {
      for (let seed = 0; seed < 6; seed += 1) {
        const { wasm, body, load } = await playing({ headers: header as Record<string, string> });
        const bytes = counted(length);
        const loading = load();
        await settle();
        for (const part of cut(bytes, seed)) {
          body.arrive(part);
          if (seed % 2 === 1) await settle();
        }
        body.end();
        const clear = await loading;
        expect(new Uint8Array(clear.bytes), `${length} bytes, cut ${seed}`).toEqual(bytes.subarray(0, -1));
        expect(clear.loadedBytes).toBe(length);
        expect(wasm.pieces.slice(0, -1).every((piece) => piece === PIECE)).toBe(true);
        expect([wasm.open, body.cancelled], "all is given back, and nothing cut off").toEqual([0, false]);
      }
    }
  }
});

test("is decrypted as it arrives, but for the last piece", async () => {
  const { wasm, body, load } = await playing();
  const loading = load();
  await settle();
  for (let part = 1; part <= 5; part += 1) {
    body.arrive(counted(PIECE));
    await tasks();
    expect(wasm.pieces.length).toBe(part - 1);
  }
  body.end();
  expect((await loading).bytes.byteLength).toBe(5 * PIECE - 1);
});

test("is there with its last byte, and its body is read to its end all the same", async () => {
  const { wasm, body, load } = await playing({ headers: { "Content-Length": "1000" } });
  let clear: { bytes: ArrayBuffer } | undefined;
  const loading = load().then((segment) => {
    clear = segment;
  });
  await settle();
  body.arrive(counted(999));
  await tasks();
  expect(clear, "a byte is missing").toBeUndefined();
  body.arrive(counted(1000).subarray(999));
  await loading;
  expect(new Uint8Array(clear?.bytes ?? new ArrayBuffer(0))).toEqual(counted(1000).subarray(0, -1));
  await tasks();
  const { reads } = body;
  body.end();
  await tasks();
  expect([wasm.open, body.cancelled, body.reads]).toEqual([0, false, reads]);
});

test("with more bytes behind its last one is there, and these are not read", async () => {
  const { body, load } = await playing({ headers: { "Content-Length": "100" } });
  const loading = load();
  await settle();
  body.arrive(counted(100), counted(100), counted(100));
  expect((await loading).bytes.byteLength).toBe(99);
  await tasks();
  expect(body.cancelled).toBe(true);
});

test("is not handed out when it was cut off: whole or refused", async () => {
  const { wasm, body, load } = await playing();
  const refused = codeOf(load());
  await settle();
  body.arrive(counted(1000));
  await tasks();
  expect(wasm.pieces.length, "it was decrypted already").toBeGreaterThan(10);
  body.fail(new TypeError("connection reset"));
  expect(await refused).toBe("network");
  expect(wasm.open).toBe(0);
});

test("of no bytes at all is refused", async () => {
  const { body, load, wasm } = await playing();
  const refused = codeOf(load());
  body.end();
  expect(await refused).toBe("segment_damaged");
  expect(wasm.open).toBe(0);
});

test("said to be longer than any may be is not read", async () => {
  const headers = { "Content-Length": String((512 << 20) + 1) };
  const { wasm, body, load } = await playing({ headers });
  expect(await codeOf(load())).toBe("segment_damaged");
  expect([body.cancelled, body.reads, wasm.open]).toEqual([true, 0, 0]);
});

test("that is refused in its middle is read no further", async () => {
  const { wasm, body, load } = await playing();
  wasm.onPiece = (number) => {
    if (number === 3) throw "segment_damaged";
  };
  const refused = codeOf(load());
  await settle();
  body.arrive(counted(1000));
  expect(await refused).toBe("segment_damaged");
  expect([wasm.open, wasm.wiped]).toEqual([0, 3]);
});

test("is given up wherever it is when it is aborted", async () => {
  for (let parts = 0; parts <= 6; parts += 1) {
    const { wasm, body, abort, load } = await playing();
    const refused = codeOf(load());
    await settle();
    for (let part = 0; part < parts; part += 1) body.arrive(counted(40));
    if (parts === 6) body.end();
    if (parts % 2 === 0) await settle();
    abort.abort();
    const outcome = await refused;
    if (parts < 6) expect(outcome, `after ${parts}`).toBe("aborted");
    expect(wasm.open).toBe(0);
    await tasks();
    const { length } = wasm.pieces;
    await tasks();
    expect(wasm.pieces.length, "nothing goes on").toBe(length);
  }
});

test("is given up while its keys are waited for", async () => {
  const { wasm, body, abort, asked, load } = await playing({ lateKeys: true });
  const refused = codeOf(load(4));
  await settle();
  body.arrive(new Uint8Array(5 * MIB));
  await tasks();
  abort.abort();
  expect(await refused).toBe("aborted");
  await tasks();
  expect([wasm.open, wasm.pieces.length, asked.length]).toEqual([0, 0, 1]);
});

test("waits for its keys with a bounded number of bytes, and then goes on", async () => {
  const { wasm, body, asked, load } = await playing({ lateKeys: true });
  wasm.memory.grow(2);
  wasm.pieceLen = 1 << 16;
  const loading = load(4);
  await settle();
  const bytes = counted(MIB);
  for (let part = 0; part < 12; part += 1) body.arrive(bytes);
  body.end();
  await tasks();
  const { reads } = body;
  await tasks();
  expect(wasm.pieces).toEqual([]);
  expect(body.reads, "the network waits").toBe(reads);

  let between = 0;
  const seen: number[] = [];
  wasm.onPiece = () => seen.push(between);
  const turn = () => {
    between += 1;
    if (wasm.decrypted.length === 0) setTimeout(turn, 0);
  };
  asked[0]?.answer();
  setTimeout(turn, 0);
  const clear = await loading;
  expect(clear.bytes.byteLength).toBe(12 * MIB - 1);
  expect(new Uint8Array(clear.bytes, 0, MIB).every((byte, at) => byte === bytes[at])).toBe(true);
  expect(new Set(seen).size, "other tasks had their turns").toBeGreaterThan(1);
});

test("reads no more than it may hold while keys are missing", async () => {
  const { wasm, asked, loader } = await playing({ lateKeys: true });
  wasm.memory.grow(2);
  wasm.pieceLen = 1 << 16;
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        sent += 1;
        if (sent > 20) controller.close();
        else controller.enqueue(new Uint8Array(MIB));
      },
    },
    { highWaterMark: 0 },
  );
  const before = globalThis.fetch;
  vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
    url.includes("/v1/") ? before(url, init) : Promise.resolve(new Response(endless)),
  );
  const request = { url: "http://media.test/s", reference: "title-1/1/4/0/0", positionMs: 0 };
  const loading = loader.load(request, new AbortController().signal, () => undefined);
  for (let turn = 0; turn < 5; turn += 1) await tasks();
  expect(sent).toBe(5);
  asked[0]?.answer();
  expect((await loading).loadedBytes).toBe(20 * MIB);
});

test("goes on where it was when its keys were dropped in between", async () => {
  const { wasm, body, asked, load } = await playing({ lateKeys: true });
  const bytes = counted(1000);
  const loading = load(0);
  await settle();
  body.arrive(bytes.subarray(0, 500));
  await tasks();
  const before = wasm.pieces.length;
  expect(before).toBeGreaterThan(0);
  wasm.held.clear();
  body.arrive(bytes.subarray(500));
  await tasks();
  expect([wasm.pieces.length, asked.length]).toEqual([before, 1]);
  body.end();
  await tasks();
  asked[0]?.answer();
  expect(new Uint8Array((await loading).bytes)).toEqual(bytes.subarray(0, -1));
});

test("fails with the server's word when its keys are refused in between", async () => {
  const { wasm, body, asked, load } = await playing({ lateKeys: true });
  const refused = codeOf(load(0));
  await settle();
  body.arrive(counted(500));
  await tasks();
  wasm.held.clear();
  body.arrive(counted(500));
  await tasks();
  asked[0]?.refuse();
  expect(await refused).toBe("session_expired");
  expect(wasm.open).toBe(0);
});

test("several at once do not get into each other's way", async () => {
  const { wasm, loader } = await playing();
  const bodies = Array.from({ length: 6 }, () => new Body());
  const before = globalThis.fetch;
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    const body = bodies[Number(url.split("/").at(-1))];
    return body ? Promise.resolve(new Response(body.stream)) : before(url, init);
  });
  const loads = bodies.map((_, at) =>
    loader.load(
      { url: `http://m/${at}`, reference: `title-1/1/0/0/${at}`, positionMs: 0 },
      new AbortController().signal,
      () => undefined,
    ),
  );
  const media = bodies.map((_, at) => counted(400 + at * 77).map((byte) => byte ^ at));
  await settle();
  for (let at = 0; at < 900; at += 50) {
    for (const [which, body] of bodies.entries()) body.arrive(media[which]?.subarray(at, at + 50) ?? new Uint8Array());
    await settle();
  }
  for (const body of bodies) body.end();
  for (const [at, { bytes }] of (await Promise.all(loads)).entries()) {
    expect(new Uint8Array(bytes), `load ${at}`).toEqual(media[at]?.subarray(0, -1));
  }
  expect(wasm.open).toBe(0);
});

test("tells how long the network took, without the time of decryption", async () => {
  const { wasm, loader } = await playing();
  let nowMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  wasm.onPiece = () => {
    nowMs += 50;
  };
  for (const [waitMs, fetchMs] of [
    // All there at once: what takes time is decryption.
    [0, 20],
    // The network goes on while a piece is decrypted, and that time is its own.
    [100, 20 + 11 * 100 + 9 * 50],
  ] as const) {
    const parts = Array.from({ length: 10 }, () => counted(PIECE));
    const read = async () => {
      await Promise.resolve();
      nowMs += waitMs;
      const value = parts.shift();
      return { done: value === undefined, value };
    };
    vi.stubGlobal("fetch", async () => {
      nowMs += 20;
      const body = { getReader: () => ({ read, cancel: async () => undefined }) };
      return { ok: true, status: 200, headers: new Headers(), body };
    });
    const request = { url: "http://m/s", reference: "title-1/1/0/0/0", positionMs: 0 };
    const { timing } = await loader.load(request, new AbortController().signal, () => undefined);
    expect(timing).toEqual({ ttfbMs: 20, fetchMs, decryptMs: 500 });
  }
});
