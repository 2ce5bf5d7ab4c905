import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { WorkerConnection } from "../ts/page/worker-connection.js";
import { FakeWorker, INIT, playback, readyOnInit, settle } from "./fakes.js";

const PLAY = { psign: "psign", level: "guarded", downgrade: "application" } as const;
const REQUEST = { url: "http://media.test/s0.ts", reference: "t/0/0/0/0", positionMs: 0 };

function connect(worker = new FakeWorker()) {
  return { worker, connection: new WorkerConnection(() => worker, INIT, 2_000) };
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "not refused",
    (error: KeyveilError) => error.code,
  );
const never = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the worker connection", () => {
  test("is ready when the worker says so", async () => {
    const { worker, connection } = connect();
    await connection.ready;
    expect(worker.received).toEqual([INIT]);
  });

  test("answers each request with its own answer", async () => {
    const { worker, connection } = connect();
    const first = connection.load(REQUEST, never, () => undefined);
    const second = connection.load({ ...REQUEST, reference: "t/0/0/0/1" }, never, () => undefined);
    const [a, b] = worker.of("load");
    const timing = { ttfbMs: 1, fetchMs: 2, decryptMs: 3 };
    const segment = (id: number, bytes: ArrayBuffer) =>
      worker.send({ type: "segment", id, bytes, status: 200, loadedBytes: 16, timing });
    segment(b?.id ?? 0, new ArrayBuffer(2));
    segment(a?.id ?? 0, new ArrayBuffer(1));
    expect([(await first).bytes.byteLength, (await second).bytes.byteLength]).toEqual([1, 2]);
  });

  test("brings refusals over the boundary as they are", async () => {
    const { worker, connection } = connect();
    const load = connection.load(REQUEST, never, () => undefined);
    const sent = new KeyveilError("psign_expired", "Expired.", { status: 401, requestId: "r1" });
    worker.send({ type: "failed", id: worker.of("load")[0]?.id ?? 0, error: structuredClone(sent.toWire()) });
    const received: KeyveilError = await load.then(
      () => expect.unreachable(),
      (error) => error,
    );
    expect(received).toBeInstanceOf(KeyveilError);
    expect(received).toMatchObject({
      code: "psign_expired",
      type: "signature",
      fatal: true,
      status: 401,
      requestId: "r1",
    });
    expect(received.message).toBe("Expired.");
  });

  test("tells the worker of an abort and rejects at once", async () => {
    const { worker, connection } = connect();
    const abort = new AbortController();
    const load = connection.load(REQUEST, abort.signal, () => undefined);
    abort.abort();
    expect(await refusal(load)).toBe("aborted");
    expect(worker.of("abort")).toHaveLength(1);
    expect(await refusal(connection.load(REQUEST, abort.signal, () => undefined))).toBe("aborted");
    expect(worker.of("load")).toHaveLength(1);
  });

  for (const type of ["error", "messageerror"] as const) {
    test(`ends everything when the worker crashes (${type})`, async () => {
      const { worker, connection } = connect();
      await connection.ready;
      const load = connection.load(REQUEST, never, () => undefined);
      worker.dispatch(type, { message: "boom" });
      expect(await refusal(load)).toBe("worker_crashed");
      expect(worker.terminated).toBe(true);
      expect(await refusal(connection.load(REQUEST, never, () => undefined))).toBe("worker_crashed");
    });
  }

  test("ends everything when the worker calls itself unusable", async () => {
    const worker = new FakeWorker((message, self) => {
      if (message.type === "init") self.send({ type: "unusable", error: new KeyveilError("build_missing").toWire() });
    });
    const { connection } = connect(worker);
    expect(await refusal(connection.ready)).toBe("build_missing");
    expect(await refusal(connection.play(PLAY))).toBe("build_missing");
    expect(worker.of("play")).toEqual([]);
  });

  test("gives up on a worker that does not start", async () => {
    const { worker, connection } = connect(new FakeWorker(() => undefined));
    const ready = refusal(connection.ready);
    await vi.advanceTimersByTimeAsync(2_001);
    expect(await ready).toBe("wasm_unavailable");
    expect(worker.terminated).toBe(true);
  });

  test("rejects what is pending when it is destroyed", async () => {
    const { worker, connection } = connect();
    const play = refusal(connection.play(PLAY));
    const load = refusal(connection.load(REQUEST, never, () => undefined));
    await settle();
    connection.destroy();
    expect([await play, await load]).toEqual(["destroyed", "destroyed"]);
    expect(worker.terminated).toBe(true);
  });

  test("passes on what no request asked for", async () => {
    const { worker, connection } = connect(
      new FakeWorker((message, self) => {
        readyOnInit(message, self);
        if (message.type === "play") self.send({ type: "played", id: message.id, playback: playback() });
      }),
    );
    const exchange = vi.fn();
    const renewed = vi.fn();
    const engine = vi.fn();
    const paced = vi.fn();
    connection.events = { exchange, renewed, paced, engine, lost: vi.fn() };
    expect((await connection.play(PLAY)).title.fileId).toBe("title-1");
    worker.send({ type: "exchange", kind: "keys", ms: 12, period: 2 });
    worker.send({ type: "session", renewal: { session: playback().session, playlistUrl: "http://x", maxTrack: null } });
    expect(exchange).toHaveBeenCalledWith("keys", 12, 2);
    worker.send({
      type: "paced",
      error: new KeyveilError("rate_limited", undefined, { retryAfterSecs: 7 }).toWire(),
    });
    expect(paced.mock.calls.map(([error]) => [error.code, error.retryAfterSecs])).toEqual([["rate_limited", 7]]);
    worker.send({ type: "buffered" });
    expect(renewed).toHaveBeenCalledOnce();
    expect(engine).toHaveBeenCalledWith({ type: "buffered" });
  });
});

describe("a worker that can't be loaded", () => {
  /** What the page's document hears. */
  const violation = (effectiveDirective: string, disposition = "enforce") =>
    Object.assign(new Event("securitypolicyviolation"), { effectiveDirective, disposition });

  async function failing(before: readonly Event[], after: readonly Event[] = []): Promise<string | undefined> {
    const page = new EventTarget();
    vi.stubGlobal("document", page);
    const { worker, connection } = connect(new FakeWorker(() => undefined));
    const ready = refusal(connection.ready);
    for (const event of before) page.dispatchEvent(event);
    worker.dispatch("error", {});
    for (const event of after) page.dispatchEvent(event);
    await vi.advanceTimersByTimeAsync(1_000);
    vi.unstubAllGlobals();
    return ready;
  }

  test("is blocked where the page's policy says so, before or just after", async () => {
    expect(await failing([violation("worker-src")])).toBe("worker_blocked");
    expect(await failing([], [violation("worker-src")])).toBe("worker_blocked");
    expect(await failing([violation("script-src")])).toBe("worker_blocked");
  });

  test("has crashed where the policy says nothing, or only about something else", async () => {
    expect(await failing([])).toBe("worker_crashed");
    expect(await failing([violation("img-src"), violation("worker-src", "report")])).toBe("worker_crashed");
  });

  test("leaves nothing behind that listens where none could be made", () => {
    const page = new EventTarget();
    const [added, removed] = [vi.spyOn(page, "addEventListener"), vi.spyOn(page, "removeEventListener")];
    vi.stubGlobal("document", page);
    const spawn = () => {
      throw new Error("no workers here");
    };
    expect(() => new WorkerConnection(spawn, INIT, 1_000)).toThrow("no workers here");
    vi.unstubAllGlobals();
    expect(added).toHaveBeenCalledOnce();
    expect(removed.mock.calls).toEqual(added.mock.calls);
  });

  test("is no news once it has started", async () => {
    const page = new EventTarget();
    vi.stubGlobal("document", page);
    const { worker, connection } = connect();
    await connection.ready;
    page.dispatchEvent(violation("script-src"));
    worker.dispatch("error", {});
    vi.unstubAllGlobals();
    expect(connection.failure?.code).toBe("worker_crashed");
  });
});
