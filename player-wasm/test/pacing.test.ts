/** What the worker does when the server wants to be asked for keys later (docs/PACING.md). */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { SegmentLoader } from "../ts/worker/segment-loader.js";
import { Session } from "../ts/worker/session.js";
import type { WasmSession } from "../ts/worker/wasm.js";
import { playback, settle } from "./fakes.js";

interface Asked {
  readonly period: number;
  readonly counter: number;
}

/** Periods below are given, the others refused. */
let budget: number;
let retryAfter: string | null;
const asked: Asked[] = [];
let plays: number;
let segments: string[];

function respond(url: string, init: RequestInit): Response {
  if (!url.includes("/v1/")) {
    segments.push(url);
    return new Response(new Uint8Array([1, 2, 3, 4]));
  }
  const { period, counter } = JSON.parse(String(init.body)) as Asked;
  if (url.endsWith("/v1/play")) plays += 1;
  else asked.push({ period, counter });
  if (period < budget) return Response.json({ ...playback(), grant: {} });
  const headers = retryAfter === null ? {} : { "Retry-After": retryAfter };
  return Response.json(
    { error: { code: "rate_limited", message: "Later.", requestId: "r" } },
    { status: 429, headers },
  );
}

function fakeWasm() {
  const held = new Set<number>();
  let last = 0;
  let counter = 0;
  const request = (period: number) => {
    last = period;
    counter += 1;
    return JSON.stringify({ period, counter });
  };
  const memory = new WebAssembly.Memory({ initial: 1 });
  const accept = () => void held.add(last).add(last + 1);
  const session: WasmSession = {
    playRequest: () => request(0),
    acceptPlay: accept,
    keysRequest: (period) => [request(period), "mac"],
    acceptKeys: accept,
    holdsPeriod: (period) => held.has(period),
    trackClasses: () => ["SD"],
    openSegment: () => ({ pieceLen: 64, clearLenMax: (length) => length - 1, free: () => undefined }),
    room: () => 64,
    decryptPiece: () => 3,
    wipe: () => undefined,
  };
  return { held, memory, session };
}

function opened() {
  const wasm = fakeWasm();
  const events = { exchange: vi.fn(), renewed: vi.fn(), paced: vi.fn() };
  const session = new Session(wasm.session, "http://keys.test", "same-origin", events);
  const play = () => session.play({ psign: "p", fileId: undefined, positionMs: 0, level: "sealed", downgrade: null });
  return { wasm, events, session, play };
}

async function playing() {
  const all = opened();
  await all.play();
  const loader = new SegmentLoader({ ...all.wasm }, all.session, "same-origin");
  const progress = vi.fn();
  const load = (period: number, signal = new AbortController().signal) =>
    loader.load({ url: `http://m.test/${period}`, reference: `t/1/${period}/0/0`, positionMs: 0 }, signal, progress);
  return { ...all, load, progress };
}

/** What has become of a promise by now. */
function watched<T>(promise: Promise<T>) {
  const seen: { outcome: unknown } = { outcome: "pending" };
  promise.then(
    () => {
      seen.outcome = "done";
    },
    (error: KeyveilError) => {
      seen.outcome = error.code;
    },
  );
  return seen;
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const periods = () => asked.map(({ period }) => period);

beforeEach(() => {
  vi.useFakeTimers();
  budget = 2;
  retryAfter = "9";
  plays = 0;
  asked.length = 0;
  segments = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    if (init.signal?.aborted) throw new DOMException("aborted", "AbortError");
    return respond(url, init);
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("keys that are late", () => {
  test("are asked for again at the time the server told, by a new request", async () => {
    const { session, events } = await playing();
    const waiting = watched(session.ensurePeriod(2, 0));
    await pass(8_999);
    expect([waiting.outcome, periods()]).toEqual(["pending", [2]]);
    await pass(1);
    expect(periods(), "refused again").toEqual([2, 2]);
    budget = 4;
    await pass(9_000);
    expect([waiting.outcome, periods()]).toEqual(["done", [2, 2, 2]]);
    const counters = asked.map(({ counter }) => counter);
    expect(new Set(counters).size, "no request twice").toBe(3);
    expect(events.paced.mock.calls.map(([error]) => [error.code, error.fatal, error.retryAfterSecs])).toEqual([
      ["rate_limited", false, 9],
      ["rate_limited", false, 9],
    ]);
  });

  test("are asked for once by all who wait", async () => {
    const { session } = await playing();
    const all = [2, 2, 3].map((period) => watched(session.ensurePeriod(period, 0)));
    await pass(100);
    const late = watched(session.ensurePeriod(2, 0));
    await settle();
    expect(periods()).toEqual([2]);
    budget = 4;
    await pass(9_000);
    expect([...all, late].map(({ outcome }) => outcome)).toEqual(["done", "done", "done", "done"]);
    expect(periods()).toEqual([2, 2]);
  });

  test("hold up neither what is at hand nor what is asked for elsewhere", async () => {
    const { session, load } = await playing();
    const waiting = watched(session.ensurePeriod(2, 0));
    await settle();
    expect((await load(0)).bytes.byteLength).toBe(3);
    budget = 100;
    const elsewhere = watched(session.ensurePeriod(50, 0));
    await settle();
    expect([elsewhere.outcome, waiting.outcome]).toEqual(["done", "pending"]);
    // What was said before other keys came holds for nobody who asks from now on.
    const anew = watched(session.ensurePeriod(2, 0));
    await settle();
    expect([anew.outcome, periods()]).toEqual(["done", [2, 50, 2]]);
    await pass(9_000);
    expect([waiting.outcome, periods()]).toEqual(["done", [2, 50, 2]]);
  });

  test("are not asked for in advance before that time", async () => {
    const { session, load } = await playing();
    await load(1);
    await settle();
    expect(periods(), "in advance").toEqual([2]);
    await load(1);
    await settle();
    expect(periods()).toEqual([2]);
    budget = 4;
    const waiting = watched(session.ensurePeriod(2, 0));
    await pass(8_999);
    expect([waiting.outcome, periods()], "whoever needs them waits, too").toEqual(["pending", [2]]);
    await pass(1);
    expect([waiting.outcome, periods()]).toEqual(["done", [2, 2]]);
  });

  test("let a session be prolonged meanwhile", async () => {
    const { session } = await playing();
    const waiting = watched(session.ensurePeriod(2, 0));
    await settle();
    await session.renew("newer", 0);
    expect([waiting.outcome, periods()]).toEqual(["pending", [2, 0]]);
  });

  test("are no reason to hold on to an aborted load's place", async () => {
    const { load, progress } = await playing();
    const aborts = Array.from({ length: 6 }, () => new AbortController());
    const loads = aborts.map(({ signal }) => watched(load(2, signal)));
    await settle();
    expect(segments).toHaveLength(6);
    expect(progress).toHaveBeenCalledWith(expect.objectContaining({ heldMs: 9_000 }));
    const next = watched(load(0));
    await settle();
    expect(next.outcome, "control: six are all there are").toBe("pending");
    for (const abort of aborts) abort.abort();
    await pass(0);
    expect(loads.map(({ outcome }) => outcome)).toEqual(Array(6).fill("aborted"));
    expect(next.outcome).toBe("done");
    await pass(60_000);
    expect(periods(), "nobody waits any more").toEqual([2]);
  });

  test("come in time for a load that waits", async () => {
    const { load } = await playing();
    const loading = watched(load(2));
    await pass(5_000);
    expect([loading.outcome, segments.length]).toEqual(["pending", 1]);
    budget = 4;
    await pass(4_000);
    expect([loading.outcome, segments.length], "the segment is fetched once").toEqual(["done", 1]);
  });
});

test("a session is opened as soon as the server opens one", async () => {
  budget = 0;
  const { play, events } = opened();
  const waiting = watched(play());
  await pass(8_999);
  expect([waiting.outcome, plays]).toEqual(["pending", 1]);
  budget = 2;
  await pass(1);
  expect([waiting.outcome, plays]).toEqual(["done", 2]);
  expect(events.paced).toHaveBeenCalledOnce();
});

for (const [header, secs] of [
  [null, 5],
  ["Wed, 21 Oct 2026 07:28:00 GMT", 5],
  ["-3", 5],
  ["1e9", 5],
  ["0", 1],
  ["100000", 3600],
] as const) {
  test(`Retry-After: ${header} means ${secs} s`, async () => {
    retryAfter = header;
    const { session } = await playing();
    const waiting = watched(session.ensurePeriod(2, 0));
    await settle();
    budget = 4;
    await pass(secs * 1000 - 1);
    expect(waiting.outcome).toBe("pending");
    await pass(1);
    expect(waiting.outcome).toBe("done");
  });
}

test("another refusal is no reason to wait", async () => {
  const { session } = await playing();
  vi.stubGlobal("fetch", async () =>
    Response.json({ error: { code: "unavailable", message: "m", requestId: "r" } }, { status: 503 }),
  );
  await expect(session.ensurePeriod(2, 0)).rejects.toThrow(KeyveilError);
});
