import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { createKeyveil } from "../ts/page/keyveil.js";
import { FakeWorker, playback, readyOnInit } from "./fakes.js";

const OPTIONS = { server: "http://keys.test", getSignature: () => "psign", workerUrl: "/sdk/worker.js" };
/** What a page without workers may not fall back on. */
const blobs = vi.fn();

beforeEach(() => {
  vi.stubGlobal("location", { href: "http://app.test/page" });
  vi.spyOn(URL, "createObjectURL").mockImplementation(blobs);
});
afterEach(() => {
  expect(blobs).not.toHaveBeenCalled();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function workers(make: (url: string) => FakeWorker) {
  const made: string[] = [];
  vi.stubGlobal(
    "Worker",
    class {
      constructor(url: string) {
        made.push(String(url));
        // biome-ignore lint/correctness/noConstructorReturn: the stand-in for a worker has its own class
        return make(String(url));
      }
    },
  );
  return made;
}

async function failure(): Promise<KeyveilError | null> {
  const keyveil = createKeyveil(OPTIONS);
  try {
    await keyveil.open();
    return null;
  } catch (thrown) {
    return thrown as KeyveilError;
  } finally {
    keyveil.destroy();
  }
}

test("a title opens where there are workers", async () => {
  const made = workers(
    () =>
      new FakeWorker((message, self) => {
        readyOnInit(message, self);
        if (message.type === "play") self.send({ type: "played", id: message.id, playback: playback() });
      }),
  );
  expect(await failure()).toBeNull();
  expect(made).toEqual(["http://app.test/sdk/worker.js"]);
});

test("a page without workers gets an error, and nothing in their place", async () => {
  const error = await failure();
  expect(error).toBeInstanceOf(KeyveilError);
  expect([error?.code, error?.fatal]).toEqual(["unsupported_browser", true]);
});

test("a page whose workers are refused gets an error, and nothing in their place", async () => {
  const refusing = (thrown: unknown) =>
    workers(() => {
      throw thrown;
    });
  const made = refusing(new DOMException("cross-origin", "SecurityError"));
  expect((await failure())?.code).toBe("unsupported_browser");
  expect(made).toHaveLength(1);
  vi.stubGlobal("trustedTypes", { createPolicy: () => ({ createScriptURL: (url: string) => url }) });
  refusing(new TypeError("This document requires 'TrustedScriptURL' assignment."));
  expect((await failure())?.code).toBe("worker_blocked");
});
