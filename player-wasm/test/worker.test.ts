import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import type { FromWorker } from "../ts/messages.js";
import { WorkerHost } from "../ts/worker/host.js";
import { SegmentLoader } from "../ts/worker/segment-loader.js";
import { Session } from "../ts/worker/session.js";
import { Slots } from "../ts/worker/slots.js";
import type { Wasm } from "../ts/worker/wasm.js";
import { START } from "./engine-fakes.js";
import { FakeWasm } from "./fake-wasm.js";
import { INIT, playback, settle } from "./fakes.js";

interface Call {
  readonly url: string;
  readonly init: RequestInit;
}

const calls: Call[] = [];
let respond: (url: string, init: RequestInit) => Promise<Response> | Response;

const keysAnswer = () => {
  const { session, playlistUrl } = playback();
  return Response.json({ session, playlistUrl, grant: { serverKeyId: "a", enc: "b", ciphertext: "c" } });
};
const playAnswer = (changes = {}) =>
  Response.json({ ...playback(), grant: { serverKeyId: "a", enc: "b", ciphertext: "c" }, ...changes });
const refused = (status: number, code: string) =>
  Response.json({ error: { code, message: "What to do.", requestId: "r1" } }, { status });

function answers(url: string): Response {
  if (url.endsWith("/v1/play")) return playAnswer();
  if (url.endsWith("/v1/keys")) return keysAnswer();
  return new Response(new Uint8Array([1, 2, 3, 4]));
}

const exchanges = () => calls.filter(({ url }) => url.includes("/v1/"));
const keysBodies = () =>
  calls.filter(({ url }) => url.endsWith("/v1/keys")).map(({ init }) => JSON.parse(String(init.body)));
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "not refused",
    (error: KeyveilError) => error.code,
  );

beforeEach(() => {
  calls.length = 0;
  respond = answers;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    calls.push({ url, init });
    if (init.signal?.aborted) throw new DOMException("aborted", "AbortError");
    return respond(url, init);
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const PLAY = { psign: "psign", fileId: "title-1", positionMs: 0, level: "guarded", downgrade: "browser" } as const;

const NO_EVENTS = { exchange: () => undefined, renewed: () => undefined, paced: () => undefined };

async function playing(changes: { readonly trace?: string } = {}) {
  const wasm = new FakeWasm();
  const events = { exchange: vi.fn(), renewed: vi.fn(), paced: vi.fn() };
  const session = new Session(wasm, "http://keys.test/", "same-origin", events);
  await session.play({ ...PLAY, ...changes });
  const loader = new SegmentLoader(wasm, session, "same-origin");
  const load = (period: number, segment: number, signal = new AbortController().signal) =>
    loader.load(
      { url: "http://media.test/s.ts", reference: `title-1/1/${period}/0/${segment}`, positionMs: 7 },
      signal,
      () => undefined,
    );
  return { wasm, events, session, loader, load };
}

describe("the session", () => {
  test("sends the module's body as it is and keeps the grant to itself", async () => {
    const { events, session } = await playing();
    expect(calls[0]?.url).toBe("http://keys.test/v1/play");
    expect(calls[0]?.init.body).toBe('{"psign":"psign","level":"guarded","downgrade":"browser"}');
    const answer = await session.play(PLAY);
    const told = "maxTrack playlistUrl preview resolutionNames session spritesUrl title trackClasses watermark";
    expect(Object.keys(answer).sort()).toEqual(told.split(" "));
    expect(events.exchange).toHaveBeenCalledWith("play", expect.any(Number), 0);
  });

  test("authenticates follow-ups by the module's MAC", async () => {
    const { session } = await playing();
    await session.ensurePeriod(4, 24_000);
    expect(calls.at(-1)?.init.headers).toMatchObject({ "Keyveil-Mac": "mac-1" });
    expect(keysBodies()).toEqual([{ period: 4, positionMs: 24_000, counter: 1 }]);
  });

  test("sends no trace that nobody asked for", async () => {
    const { session } = await playing();
    await session.ensurePeriod(4, 24_000);
    expect(exchanges().map(({ init }) => Object.keys(init.headers ?? {}))).toEqual([
      ["Content-Type"],
      ["Content-Type", "Keyveil-Mac"],
    ]);
  });

  test("makes each exchange a span of the playback's trace, and tells no other host of it", async () => {
    const { session, load } = await playing({ trace: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01` });
    await load(4, 9);
    await session.renew("newer", 0);
    // Of a standard title: by another session, as its worker's own.
    respond = () => playAnswer({ title: { ...playback().title, mode: "standard" } });
    const standard = new Session(new FakeWasm(), "http://keys.test", "same-origin", NO_EVENTS);
    await standard.play({ ...PLAY, trace: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-00` });
    await standard.renew("newer", 0);
    const sent = exchanges().map(({ init }) => new Headers(init.headers).get("traceparent") ?? "");
    expect(sent.map((header) => header.replace(/-[0-9a-f]{16}-/, "-…-"))).toEqual(
      ["01", "01", "01", "00", "00"].map((flags) => `00-${"ab".repeat(16)}-…-${flags}`),
    );
    expect(new Set(sent.map((header) => header.split("-")[2])).size).toBe(sent.length);
    const media = calls.filter(({ url }) => !url.startsWith("http://keys.test/"));
    expect(media.map(({ init }) => new Headers(init.headers).has("traceparent"))).toEqual([false]);
  });

  test("shares one exchange among all who wait for it", async () => {
    const { session } = await playing();
    await Promise.all([session.ensurePeriod(3, 0), session.ensurePeriod(3, 0), session.ensurePeriod(4, 0)]);
    expect(keysBodies().map(({ period }) => period)).toEqual([3]);
  });

  test("makes its exchanges one after another", async () => {
    const { session } = await playing();
    let running = 0;
    let most = 0;
    respond = async (url) => {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, 1));
      running -= 1;
      return answers(url);
    };
    await Promise.all([session.ensurePeriod(2, 0), session.ensurePeriod(9, 0), session.renew("newer", 0)]);
    expect(most).toBe(1);
    expect(keysBodies()).toHaveLength(3);
  });

  test("tells a refusal to everyone who waits, and asks anew the next time with a new counter", async () => {
    const { session } = await playing();
    respond = () => refused(409, "counter_replayed");
    const both = [codeOf(session.ensurePeriod(3, 0)), codeOf(session.ensurePeriod(3, 0))];
    expect(await Promise.all(both)).toEqual(["counter_replayed", "counter_replayed"]);
    respond = answers;
    await session.ensurePeriod(3, 0);
    expect(keysBodies().map(({ counter }) => counter)).toEqual([1, 2]);
  });

  test("renews by an exchange with the newer signature", async () => {
    const { session } = await playing();
    expect(await session.renew("newer", 5)).toEqual({
      session: playback().session,
      playlistUrl: playback().playlistUrl,
      maxTrack: null,
    });
    expect(keysBodies()).toEqual([{ period: 0, positionMs: 5, psign: "newer", counter: 1 }]);
  });

  test("is of one title for good, in each of its sessions", async () => {
    const { title } = playback();
    const { session } = await playing();
    const others = [{ mode: "standard" }, { mode: "clear" }, { fileId: "title-2" }, { version: 2 }];
    for (const other of others) {
      respond = () => playAnswer({ title: { ...title, ...other } });
      expect(await codeOf(session.play(PLAY)), JSON.stringify(other)).toBe("title_changed");
    }
    respond = () => playAnswer({ title: { ...title, name: "Another name" } });
    expect((await session.play(PLAY)).title.name, "what it is called may change").toBe("Another name");
  });

  test("of a title that is not private can't be prolonged by one that is", async () => {
    const { title } = playback();
    respond = () => playAnswer({ title: { ...title, mode: "standard" }, grant: null });
    const { session } = await playing();
    await session.renew("newer", 0);
    respond = answers;
    expect(await codeOf(session.renew("newest", 0))).toBe("title_changed");
    expect(await codeOf(session.play(PLAY))).toBe("title_changed");
  });

  for (const mode of ["clear", "standard"] as const) {
    test(`renews a ${mode} title by playing it anew`, async () => {
      respond = () => playAnswer({ title: { ...playback().title, mode }, grant: null });
      const { session } = await playing();
      await session.renew("newer", 0);
      expect(calls.map(({ url }) => url)).toEqual(["http://keys.test/v1/play", "http://keys.test/v1/play"]);
    });
  }

  test("asks for no keys behind a preview's end", async () => {
    respond = (url) =>
      url.endsWith("/v1/play") ? playAnswer({ preview: { segments: 4, endMs: 8_000 } }) : answers(url);
    const { load, wasm } = await playing();
    wasm.held.delete(1);
    await load(0, 0);
    await settle();
    expect(keysBodies().map(({ period }) => period)).toEqual([1]);
    await load(1, 2);
    await settle();
    expect(
      keysBodies().map(({ period }) => period),
      "period 2 is not covered",
    ).toEqual([1]);
  });

  test("refuses what the module refuses, and what can't be read", async () => {
    const { session } = await playing();
    respond = () => new Response('{"grant":"forged"}');
    expect(await codeOf(session.ensurePeriod(3, 0))).toBe("envelope_rejected");
    respond = () => new Response("{}");
    expect(await codeOf(session.play({ ...PLAY, fileId: undefined }))).toBe("malformed_request");
  });

  const refusals: [string, () => Response | Promise<Response>, string, number][] = [
    ["a refusal of the server", () => refused(401, "psign_expired"), "psign_expired", 401],
    ["a proxy's error page", () => new Response("<html>", { status: 502 }), "unavailable", 502],
    ["a code nobody knows", () => refused(403, "surprise"), "url_invalid", 403],
    ["no connection", () => Promise.reject(new TypeError("fetch failed")), "network", 0],
  ];
  for (const [name, response, code, status] of refusals) {
    test(`names ${name}: ${code}`, async () => {
      const { session } = await playing();
      respond = response;
      const error: KeyveilError = await session.play({ ...PLAY, fileId: undefined }).then(
        () => expect.unreachable(),
        (thrown) => thrown,
      );
      expect([error.code, error.status]).toEqual([code, status]);
    });
  }

  describe("with keys on their way that are not those of a seek", () => {
    /** Answers to exchanges for that period are held back until they are let go. */
    function holdBack(period: number) {
      const held: (() => void)[] = [];
      respond = (url, init) => {
        const isHeld = url.endsWith("/v1/keys") && JSON.parse(String(init.body)).period === period;
        return isHeld ? new Promise((resolve) => held.push(() => resolve(keysAnswer()))) : answers(url);
      };
      return { letGo: () => held.splice(0).forEach((answer) => void answer()) };
    }
    const periods = () => keysBodies().map((body) => body.period);

    test("does not wait where they are only fetched ahead, and takes no late answer", async () => {
      const { load, wasm, events } = await playing();
      const { letGo } = holdBack(2);
      await load(1, 3);
      expect(periods()).toEqual([2]);
      await load(7, 15);
      expect(periods()).toEqual([2, 7]);
      letGo();
      await settle();
      expect([2, 7].map((period) => wasm.holdsPeriod(period))).toEqual([false, true]);
      expect(events.renewed).toHaveBeenCalledTimes(1);
      respond = answers;
      await load(2, 4);
      expect(periods()).toEqual([2, 7, 2]);
    });

    test("waits where somebody waits for them, too", async () => {
      const { load, wasm } = await playing();
      const { letGo } = holdBack(2);
      await load(1, 3);
      const needed = load(2, 4);
      const sought = load(7, 15);
      await settle();
      expect(periods()).toEqual([2]);
      letGo();
      await Promise.all([needed, sought]);
      expect(periods().slice(0, 2)).toEqual([2, 7]);
      expect(wasm.holdsPeriod(7)).toBe(true);
    });
  });
});

describe("the segment loader", () => {
  test("gives the clear bytes and wipes the module's buffer", async () => {
    const { wasm, load } = await playing();
    const { bytes, loadedBytes, timing } = await load(0, 0);
    expect([...new Uint8Array(bytes)]).toEqual([1, 2, 3]);
    expect(loadedBytes).toBe(4);
    expect(timing.fetchMs).toBeGreaterThanOrEqual(timing.ttfbMs);
    expect(wasm.decrypted).toEqual(["keyveil=title-1/1/0/0/0"]);
    expect(wasm.wiped).toBe(1);
    expect(new Uint8Array(wasm.memory.buffer).some((byte) => byte !== 0)).toBe(false);
  });

  test("fetches keys and segment at the same time", async () => {
    const { load } = await playing();
    const started: string[] = [];
    const gates: Array<() => void> = [];
    respond = async (url) => {
      started.push(url);
      await new Promise<void>((open) => gates.push(open));
      return answers(url);
    };
    const loading = load(3, 9);
    await settle();
    expect(started.sort()).toEqual(["http://keys.test/v1/keys", "http://media.test/s.ts"]);
    for (const open of gates) open();
    await loading;
  });

  test("asks for the next period's keys before they are needed", async () => {
    const { load } = await playing();
    await load(0, 0);
    expect(keysBodies()).toEqual([]);
    await load(1, 2);
    await settle();
    expect(keysBodies().map(({ period }) => period)).toEqual([2]);
  });

  test("asks for no period the title does not have", async () => {
    const { load } = await playing();
    await load(4, 9);
    await settle();
    expect(keysBodies().map(({ period }) => period)).toEqual([4]);
  });

  test("asks again for keys that a load far away pushed out while the segment arrived", async () => {
    const { wasm, load } = await playing();
    wasm.dropsOldKeys = true;
    let arrive: () => void = () => undefined;
    respond = async (url) => {
      if (url.endsWith("/s.ts")) {
        await new Promise<void>((done) => {
          arrive = done;
        });
      }
      return answers(url);
    };
    const video = load(4, 9);
    await settle();
    respond = answers;
    // Subtitles are one file, in period 0, wherever playback is.
    await load(0, 0);
    arrive();
    await video;
    expect(wasm.decrypted).toEqual(["keyveil=title-1/1/0/0/0", "keyveil=title-1/1/4/0/9"]);
  });

  test("asks for its byte range", async () => {
    const { loader } = await playing();
    const request = { url: "http://m/s", reference: "title-1/1/0/0/0", rangeStart: 16, rangeEnd: 48, positionMs: 0 };
    await loader.load(request, new AbortController().signal, () => undefined);
    expect(calls.at(-1)?.init.headers).toEqual({ Range: "bytes=16-47" });
  });

  test("does not decrypt for whoever aborted, and stops the fetch", async () => {
    const { wasm, load } = await playing();
    const abort = new AbortController();
    respond = (_url, { signal }) =>
      new Promise((_resolve, reject) =>
        signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))),
      );
    const loading = codeOf(load(0, 0, abort.signal));
    await settle();
    abort.abort();
    expect(await loading).toBe("aborted");
    expect(wasm.decrypted).toEqual([]);
  });

  test("stops the fetch when the keys are refused", async () => {
    const { load } = await playing();
    let stopped = false;
    respond = (url, { signal }) => {
      if (url.endsWith("/v1/keys")) return refused(401, "session_expired");
      return new Promise((_resolve, reject) =>
        signal?.addEventListener("abort", () => {
          stopped = true;
          reject(new DOMException("aborted", "AbortError"));
        }),
      );
    };
    expect(await codeOf(load(3, 9))).toBe("session_expired");
    expect(stopped).toBe(true);
  });

  test("wipes the buffer of a damaged segment, too", async () => {
    const { wasm, load } = await playing();
    expect(await codeOf(load(0, 66))).toBe("segment_damaged");
    expect(wasm.wiped).toBe(1);
  });

  test("refuses a reference that breaks the form", async () => {
    const { loader } = await playing();
    const request = { url: "http://m/s", reference: "../0/0/0/0", positionMs: 0 };
    expect(await codeOf(loader.load(request, new AbortController().signal, () => undefined))).toBe("key_tag_malformed");
  });

  test("has few loads under way at once and refuses an endless queue", async () => {
    const { load } = await playing();
    let running = 0;
    let most = 0;
    respond = async (url) => {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, 1));
      running -= 1;
      return answers(url);
    };
    const codes = await Promise.all(Array.from({ length: 40 }, (_, segment) => codeOf(load(0, segment))));
    expect(most).toBe(6);
    expect(codes.filter((code) => code === "unavailable")).toHaveLength(2);
    expect(codes.filter((code) => code === "not refused")).toHaveLength(38);
  });
});

test("a slot that is waited for can be given up", async () => {
  const slots = new Slots(1, 1);
  const give = await slots.take(new AbortController().signal);
  const abort = new AbortController();
  const waiting = codeOf(slots.take(abort.signal));
  abort.abort();
  expect(await waiting).toBe("aborted");
  const next = slots.take(new AbortController().signal);
  give();
  give();
  (await next)();
  await slots.take(new AbortController().signal);
});

describe("the worker's host", () => {
  function host(wasm: () => Promise<Wasm> = async () => new FakeWasm()) {
    const posted: FromWorker[] = [];
    const transferred: Transferable[][] = [];
    const worker = new WorkerHost((message, transfer) => {
      posted.push(message);
      if (transfer) transferred.push(transfer);
    }, wasm);
    return { worker, posted, transferred, of: (type: string) => posted.filter((message) => message.type === type) };
  }
  const until = (done: () => boolean) => vi.waitFor(() => expect(done()).toBe(true));
  const LOAD = { type: "load", url: "http://m/s.ts", reference: "title-1/1/0/0/0", positionMs: 0 } as const;

  test("plays, loads and transfers the clear segment, and no message holds a grant or a key", async () => {
    const { worker, posted, transferred, of } = host();
    worker.receive(INIT);
    worker.receive({ type: "play", id: 1, psign: "psign", level: "guarded", downgrade: "application" });
    await until(() => of("played").length === 1);
    worker.receive({ ...LOAD, id: 2 });
    await until(() => of("segment").length === 1);
    const [segment] = of("segment") as Extract<FromWorker, { type: "segment" }>[];
    expect(transferred).toEqual([[segment?.bytes]]);
    expect(posted[0]).toEqual({ type: "ready" });
    expect(JSON.stringify(posted)).not.toMatch(/grant|ciphertext|mac-|"enc"/);
  });

  test("fails every request when the module can't start", async () => {
    const { worker, of } = host(() => Promise.reject(new KeyveilError("build_missing")));
    worker.receive(INIT);
    worker.receive({ type: "play", id: 1, psign: "psign", level: "guarded", downgrade: "application" });
    await until(() => of("failed").length === 1);
    expect(of("unusable")).toMatchObject([{ error: { code: "build_missing" } }]);
    expect(of("failed")).toMatchObject([{ id: 1, error: { code: "build_missing" } }]);
  });

  test("calls itself unusable after a trap in the module", async () => {
    const { worker, of } = host();
    respond = (url) => (url.includes("/v1/") ? answers(url) : new Response(new Uint8Array(13)));
    worker.receive(INIT);
    worker.receive({ type: "play", id: 1, psign: "psign", level: "guarded", downgrade: "application" });
    worker.receive({ ...LOAD, id: 2 });
    await until(() => of("unusable").length === 1);
    expect(of("failed")).toMatchObject([{ id: 2, error: { code: "worker_crashed" } }]);
  });

  test("takes the trace that a message has, for its exchanges alone", async () => {
    const { worker, of } = host();
    worker.receive(INIT);
    const trace = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
    worker.receive({ type: "play", id: 1, psign: "psign", level: "guarded", downgrade: "browser", trace });
    await until(() => of("played").length === 1);
    worker.receive({ ...LOAD, reference: "title-1/1/6/0/0", id: 2 });
    await until(() => of("segment").length === 1);
    const traced = ({ init }: Call) => new Headers(init.headers).get("traceparent")?.startsWith(trace.slice(0, 36));
    expect(calls.filter(traced).map(({ url }) => url)).toEqual([
      "http://keys.test/v1/play",
      "http://keys.test/v1/keys",
    ]);
    // Playlists and init segments that are asked for ahead, and the segment.
    expect(calls).toHaveLength(6);
  });

  test("aborts the load that is named", async () => {
    const { worker, of } = host();
    respond = (url, { signal }) =>
      url.includes("/v1/")
        ? answers(url)
        : new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    worker.receive(INIT);
    worker.receive({ type: "play", id: 1, psign: "psign", level: "guarded", downgrade: "application" });
    await until(() => of("played").length === 1);
    worker.receive({ ...LOAD, id: 2 });
    await settle();
    worker.receive({ type: "abort", id: 2 });
    await until(() => of("failed").length === 1);
    expect(of("failed")).toMatchObject([{ id: 2, error: { code: "aborted" } }]);
    expect(exchanges()).toHaveLength(1);
  });

  describe("at its level", () => {
    const PLAY_SEALED = { type: "play", psign: "psign", level: "sealed", downgrade: null } as const;
    const PLAY_GUARDED = { type: "play", psign: "psign", level: "guarded", downgrade: "browser" } as const;
    const refusals = (of: (type: string) => FromWorker[]) =>
      (of("failed") as Extract<FromWorker, { type: "failed" }>[]).map(({ id, error }) => [id, error.code]);

    test("sealed hands out no media, whatever it is asked and played with afterwards", async () => {
      const { worker, of } = host();
      worker.receive(INIT);
      worker.receive({ ...PLAY_SEALED, id: 1 });
      worker.receive({ ...LOAD, id: 2 });
      await until(() => of("played").length === 1);
      worker.receive({ ...LOAD, id: 3 });
      worker.receive({ ...PLAY_GUARDED, id: 4 });
      worker.receive({ ...LOAD, id: 5 });
      await settle();
      expect(refusals(of)).toEqual([2, 3, 4, 5].map((id) => [id, "malformed_request"]));
      expect(of("segment")).toEqual([]);
      expect(exchanges()).toHaveLength(1);
      expect(calls.map(({ url }) => url)).not.toContain(LOAD.url);
    });

    test("is fixed also where the first session is refused", async () => {
      const { worker, of } = host();
      respond = () => refused(403, "level_not_allowed");
      worker.receive(INIT);
      worker.receive({ ...PLAY_SEALED, id: 1 });
      await until(() => of("failed").length === 1);
      worker.receive({ ...PLAY_GUARDED, id: 2 });
      worker.receive({ ...PLAY_SEALED, id: 3 });
      await until(() => of("failed").length === 3);
      expect(refusals(of).sort()).toEqual([
        [1, "level_not_allowed"],
        [2, "malformed_request"],
        [3, "level_not_allowed"],
      ]);
    });

    test("sealed plays one title: what was loaded for another mode's meets no key", async () => {
      const { worker, of } = host();
      respond = (url) =>
        url.endsWith("/v1/play") ? playAnswer({ title: { ...playback().title, mode: "standard" } }) : answers(url);
      worker.receive(INIT);
      worker.receive({ ...PLAY_SEALED, id: 1 });
      await until(() => of("played").length === 1);
      respond = answers;
      worker.receive({ ...PLAY_SEALED, id: 2 });
      await until(() => of("failed").length === 1);
      expect(refusals(of)).toEqual([[2, "title_changed"]]);
      worker.receive({ type: "renew", id: 3, psign: "newer", positionMs: 0 });
      await until(() => of("failed").length === 2);
      expect(refusals(of).at(-1)).toEqual([3, "title_changed"]);
      const other = host();
      other.worker.receive(INIT);
      other.worker.receive({ ...PLAY_SEALED, id: 1 });
      await until(() => other.of("played").length === 1);
      other.worker.receive({ ...PLAY_SEALED, id: 2 });
      await until(() => other.of("played").length === 2);
    });

    test("guarded takes no commands for an engine, and loads", async () => {
      const { worker, of } = host();
      worker.receive(INIT);
      worker.receive({ ...PLAY_GUARDED, id: 1 });
      await until(() => of("played").length === 1);
      worker.receive(START);
      worker.receive({ type: "engine-resume" });
      worker.receive({ ...PLAY_SEALED, id: 2 });
      worker.receive({ ...LOAD, id: 3 });
      await until(() => of("segment").length === 1);
      expect(refusals(of)).toEqual([
        [0, "malformed_request"],
        [0, "malformed_request"],
        [2, "malformed_request"],
      ]);
    });

    test("sealed takes them once it has a session", async () => {
      const { worker, of } = host();
      worker.receive(INIT);
      worker.receive({ ...PLAY_SEALED, id: 1 });
      worker.receive({ type: "engine-resume" });
      await until(() => of("played").length === 1);
      worker.receive({ type: "engine-resume" });
      expect(refusals(of)).toEqual([[0, "malformed_request"]]);
    });

    test("is one that there is, and asked for before anything is loaded", async () => {
      const { worker, of } = host();
      worker.receive(INIT);
      worker.receive({ ...PLAY_GUARDED, level: "standard" as never, id: 1 });
      worker.receive({ ...LOAD, id: 2 });
      expect(refusals(of)).toEqual([
        [1, "malformed_request"],
        [2, "malformed_request"],
      ]);
      worker.receive({ ...PLAY_GUARDED, id: 3 });
      await until(() => of("played").length === 1);
    });

    test("is told to the server with its reason, for a session that is prolonged by another one, too", async () => {
      const { worker, of } = host();
      respond = () => playAnswer({ title: { ...playback().title, mode: "standard" } });
      worker.receive(INIT);
      worker.receive({ ...PLAY_GUARDED, id: 1 });
      await until(() => of("played").length === 1);
      worker.receive({ type: "renew", id: 2, psign: "newer", positionMs: 5 });
      await until(() => of("renewed").length === 1);
      const told = { level: "guarded", downgrade: "browser" };
      expect(calls.map(({ init }) => JSON.parse(String(init.body)))).toEqual([
        { psign: "psign", ...told },
        { psign: "newer", ...told },
      ]);
    });

    test("fetches ahead what hls.js asks for first, for the first session alone", async () => {
      const { worker, of } = host();
      const ahead = () => calls.filter(({ url }) => url.includes("/media/")).map(({ url }) => url);
      worker.receive(INIT);
      worker.receive({ ...PLAY_GUARDED, id: 1 });
      await until(() => of("played").length === 1);
      expect(ahead()).toHaveLength(3);
      worker.receive({ ...PLAY_GUARDED, id: 2 });
      await until(() => of("played").length === 2);
      expect(ahead()).toHaveLength(3);
    });

    test("sealed has no reason", async () => {
      const { worker, of } = host();
      worker.receive(INIT);
      worker.receive({ ...PLAY_SEALED, id: 1 });
      await until(() => of("played").length === 1);
      expect(exchanges().map(({ init }) => init.body)).toEqual(['{"psign":"psign","level":"sealed"}']);
    });
  });
});
