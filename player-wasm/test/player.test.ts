import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { KeyveilEventTarget } from "../ts/events.js";
import { KeyveilPlayer } from "../ts/page/player.js";
import type { KeyveilTitle } from "../ts/page/title.js";

/** hls.js as far as the player uses it. */
const { FakeHls } = vi.hoisted(() => {
  type Handler = (event: string, data: object) => void;
  class FakeHls {
    static readonly Events = { ERROR: "error", MANIFEST_PARSED: "parsed", FRAG_BUFFERED: "buffered" };
    static readonly ErrorTypes = { NETWORK_ERROR: "network", MEDIA_ERROR: "media", KEY_SYSTEM_ERROR: "keys" };
    static readonly ErrorDetails = {};
    static last: FakeHls;
    readonly levels = [{}];
    readonly calls: string[] = [];
    readonly #handlers = new Map<string, Handler>();

    constructor() {
      FakeHls.last = this;
    }

    static isSupported(): boolean {
      return true;
    }

    on(event: string, handler: Handler): void {
      this.#handlers.set(event, handler);
    }

    trigger(event: string, data: object = {}): void {
      this.#handlers.get(event)?.(event, data);
    }

    attachMedia(): void {}

    loadSource(): void {}

    startLoad(): void {
      this.calls.push("startLoad");
    }

    stopLoad(): void {
      this.calls.push("stopLoad");
    }
  }
  return { FakeHls };
});
vi.mock("hls.js", () => ({ default: FakeHls }));

class FakeTitle extends KeyveilEventTarget {
  readonly playlistUrl = "http://media.test/master.m3u8";

  async start(): Promise<void> {}

  followPosition(): void {}

  hlsConfig(): object {
    return {};
  }

  fail(error: KeyveilError): void {
    this.emit("error", error);
  }
}

async function playing() {
  const title = new FakeTitle();
  const hooks = { open: () => title as unknown as KeyveilTitle, closed: () => undefined };
  const player = new KeyveilPlayer(new EventTarget() as HTMLVideoElement, {}, hooks);
  await player.start();
  return { player, title, hls: FakeHls.last };
}

const NO_ANSWER = { fatal: true, type: "network", error: new Error("timeout") };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a network error is tried again after a while", async () => {
  const { hls } = await playing();
  hls.trigger("error", NO_ANSWER);
  await vi.advanceTimersByTimeAsync(900);
  expect(hls.calls).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(hls.calls).toEqual(["startLoad"]);
});

test("nothing is loaded any more once playback has failed, also when a retry was waiting", async () => {
  const { player, title, hls } = await playing();
  hls.trigger("error", NO_ANSWER);
  await vi.advanceTimersByTimeAsync(500);
  title.fail(new KeyveilError("key_not_granted"));
  expect(player.state).toBe("error");
  await vi.advanceTimersByTimeAsync(20_000);
  expect(hls.calls).toEqual(["stopLoad"]);
});
