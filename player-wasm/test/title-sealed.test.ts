import { beforeEach, describe, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { KEYVEIL_EVENTS } from "../ts/events.js";
import type { ToWorker } from "../ts/messages.js";
import { KeyveilTitle } from "../ts/page/title.js";
import { FakeWorker, INIT, playback, readyOnInit, settle } from "./fakes.js";

const SEALED = { level: "sealed", downgrade: null } as const;

function sealed() {
  const workers: FakeWorker[] = [];
  const played = (message: ToWorker, worker: FakeWorker) => {
    if (message.type === "play") worker.send({ type: "played", id: message.id, playback: playback() });
    else readyOnInit(message, worker);
  };
  const spawn = () => {
    const worker = new FakeWorker(played);
    workers.push(worker);
    return worker;
  };
  const getSignature = vi.fn(async () => `psign-${getSignature.mock.calls.length}`);
  const options = { spawn, init: INIT, initTimeoutMs: 1_000, getSignature, positionMs: 0, choice: SEALED };
  const title = new KeyveilTitle(options);
  const events: [string, unknown][] = [];
  for (const type of KEYVEIL_EVENTS) title.on(type, ({ detail }) => events.push([type, detail]));
  const listener = { report: vi.fn(), lost: vi.fn() };
  return { title, workers, events, listener, first: () => workers[0] as FakeWorker };
}

async function opened() {
  const all = sealed();
  await all.title.start();
  all.title.followEngine(all.listener);
  all.events.length = 0;
  return all;
}

const expired = new KeyveilError("session_expired", undefined, { status: 401 });

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

describe("a sealed title", () => {
  test("says its level in play, and has nothing for an hls.js on the page", async () => {
    const { title, first } = await opened();
    expect(first().of("play")).toMatchObject([{ level: "sealed", downgrade: null }]);
    expect(title.level).toBe("sealed");
    expect(() => title.hlsConfig()).toThrow("keyveil.open()");
  });

  test("tells of segments and failures as at every level, and leaves the rest to the engine", async () => {
    const { first, events, listener } = await opened();
    first().send({ type: "loaded", rendition: 1, segment: 4, bytes: 9, fetchMs: 2, decryptMs: 3 });
    first().send({ type: "report", error: new KeyveilError("segment_damaged").toWire() });
    first().send({ type: "engine-ready" });
    expect(events.map(([type]) => type)).toEqual(["segment", "error"]);
    expect(events[0]?.[1]).toEqual({ rendition: 1, segment: 4, bytes: 9, fetchMs: 2, decryptMs: 3 });
    expect(events[1]?.[1]).toMatchObject({ code: "segment_damaged", fatal: false });
    expect(listener.report.mock.calls.map(([{ type }]) => type)).toEqual(["loaded", "engine-ready"]);
  });

  test("plays with a fresh signature where a load was refused for its session, and says so", async () => {
    const { first, workers } = await opened();
    first().send({ type: "reopen", id: 5, cause: expired.toWire() });
    await settle();
    expect(workers).toHaveLength(1);
    expect(first().of("play")[1]).toMatchObject({ psign: "psign-2", level: "sealed" });
    expect(first().of("reopened")).toEqual([{ type: "reopened", id: 5, error: null }]);
  });

  test("says why there is no new session", async () => {
    const { first } = await opened();
    first().send({ type: "reopen", id: 5, cause: expired.toWire() });
    await settle();
    first().send({ type: "reopen", id: 6, cause: expired.toWire() });
    await settle();
    expect(first().of("reopened").at(-1)).toMatchObject({ id: 6, error: { code: "session_expired", status: 401 } });
    expect(first().of("play")).toHaveLength(2);
  });

  test("tells who follows its engine that the worker is gone, and opens another with a new worker", async () => {
    const { title, workers, first, listener } = await opened();
    first().dispatch("error", { message: "boom" });
    expect(listener.lost).toHaveBeenCalledOnce();
    const [error] = listener.lost.mock.calls[0] as [KeyveilError];
    await title.reopen(error);
    expect(workers.map(({ terminated }) => terminated)).toEqual([true, false]);
    expect(workers[1]?.of("play")).toMatchObject([{ psign: "psign-2", level: "sealed" }]);
    workers[1]?.dispatch("error", { message: "boom" });
    await expect(title.reopen(error)).rejects.toMatchObject({ code: "worker_crashed", fatal: true });
    expect(workers).toHaveLength(2);
  });
});
