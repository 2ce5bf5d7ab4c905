import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { createKeyveil } from "../ts/page/keyveil.js";
import { nextSpan, traceIdOf, traceOf } from "../ts/traceparent.js";
import { playingWorkers } from "./fakes.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID = "b7ad6b7169203331";
const GIVEN = `00-${TRACE_ID}-${PARENT_ID}-01`;

const MALFORMED = {
  "an empty text": "",
  "no header": "yes",
  "another version": GIVEN.replace(/^00/, "01"),
  "more than version 0 has": `${GIVEN}-00`,
  "capitals, which it has none of": GIVEN.toUpperCase(),
  "a trace id of zeros": GIVEN.replace(TRACE_ID, "0".repeat(32)),
  "a parent id of zeros": GIVEN.replace(PARENT_ID, "0".repeat(16)),
  "a short trace id": GIVEN.replace(TRACE_ID, TRACE_ID.slice(1)),
  "flags that are no number": GIVEN.replace(/01$/, "0x"),
  "a line more": `${GIVEN}\nKeyveil-Mac: x`,
};

test("a page's own trace is kept with its flags, and only asked for there is one", () => {
  for (const flags of ["00", "01", "03"]) expect(traceOf(GIVEN.replace(/01$/, flags))?.slice(-2)).toBe(flags);
  expect(traceIdOf(GIVEN)).toBe(TRACE_ID);
  expect([undefined, false].map(traceOf)).toEqual([undefined, undefined]);
});

test("a trace of the player's own is random, and asks to be kept", () => {
  const [one, two] = [traceOf(true) ?? "", traceOf(true) ?? ""];
  for (const trace of [one, two]) expect(trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(traceIdOf(one)).not.toBe(traceIdOf(two));
});

test("each request is a span of its own in the same trace", () => {
  const not = GIVEN.replace(/01$/, "00");
  const spans = [nextSpan(GIVEN), nextSpan(GIVEN), nextSpan(GIVEN)].map((header) => header.split("-"));
  for (const [version, traceId, spanId, flags] of spans) {
    expect([version, traceId, flags]).toEqual(["00", TRACE_ID, "01"]);
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
  }
  expect(new Set([PARENT_ID, ...spans.map(([, , spanId]) => spanId)]).size).toBe(4);
  expect(nextSpan(not).slice(-3)).toBe("-00");
});

for (const [what, text] of Object.entries(MALFORMED))
  test(`${what} is refused`, () => {
    expect(() => traceOf(text)).toThrow(expect.objectContaining({ code: "malformed_request", fatal: true }));
  });

describe("a title", () => {
  const { workers, createWorker } = playingWorkers();

  beforeEach(() => {
    vi.stubGlobal("location", { href: "http://app.test/page" });
    workers.length = 0;
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const keyveil = () => createKeyveil({ server: "http://keys.test", getSignature: () => "psign", createWorker });
  const traces = () => workers.flatMap((worker) => worker.of("play").map(({ trace }) => trace));

  test("has no trace unless the page asks for one", async () => {
    const opened = keyveil();
    const title = await opened.open({ fileId: "title-1" });
    expect([title.traceId, traces()]).toEqual([null, [undefined]]);
    opened.destroy();
  });

  test("has one trace for its life, of another worker too, and each title its own", async () => {
    const opened = keyveil();
    const one = await opened.open({ traceparent: true });
    const two = await opened.open({ traceparent: true });
    workers[0]?.dispatch("error", { message: "gone" });
    await vi.waitFor(async () => {
      await one.reopen(new KeyveilError("worker_crashed"));
      expect(workers).toHaveLength(3);
    });
    const [first, second, again] = traces();
    expect([again, traceIdOf(first ?? ""), traceIdOf(second ?? "")]).toEqual([first, one.traceId, two.traceId]);
    expect(one.traceId).not.toBe(two.traceId);
    opened.destroy();
  });

  test("goes on with the page's trace", async () => {
    const opened = keyveil();
    const title = await opened.open({ traceparent: GIVEN });
    expect([title.traceId, traces()]).toEqual([TRACE_ID, [GIVEN]]);
    opened.destroy();
  });

  test("is not opened with a malformed one, and what was started ahead is left for the next", async () => {
    const opened = keyveil();
    await opened.preload();
    await expect(opened.open({ traceparent: "yes" })).rejects.toMatchObject({ code: "malformed_request" });
    await opened.open();
    expect([workers.length, workers[0]?.terminated, traces()]).toEqual([1, false, [undefined]]);
    opened.destroy();
    expect(workers[0]?.terminated).toBe(true);
  });

  test("of a player with a malformed one is not asked for, and the player says why", async () => {
    const opened = keyveil();
    const video = Object.assign(new EventTarget(), { pause: () => undefined }) as unknown as HTMLVideoElement;
    const player = opened.attach(video, { traceparent: "yes" });
    await expect(player.ready).rejects.toMatchObject({ code: "malformed_request", fatal: true });
    expect([player.state, workers]).toEqual(["error", []]);
    opened.destroy();
  });
});
