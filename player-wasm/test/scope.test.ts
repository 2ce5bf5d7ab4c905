import { afterEach, expect, test, vi } from "vitest";
import { isOwnWorker } from "../ts/worker/scope.js";

const URL_OF_MODULE = "https://app.test/sdk/worker.js";

class Scope {
  readonly DedicatedWorkerGlobalScope: unknown = Scope;
  readonly location: { readonly href: string };

  constructor(href = URL_OF_MODULE) {
    this.location = { href };
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test("a worker that was started from the module is its own", () => {
  for (const href of [URL_OF_MODULE, `${URL_OF_MODULE}#x`])
    expect(isOwnWorker(new Scope(href), URL_OF_MODULE)).toBe(true);
  const versioned = `${URL_OF_MODULE}?v=2`;
  expect(isOwnWorker(new Scope(versioned), versioned)).toBe(true);
  expect(isOwnWorker(new Scope(), "file:///app/node_modules/worker.js"), "as a bundler wrote it").toBe(true);
});

test("a worker that imports the module is not, nor is a page", () => {
  for (const href of ["https://app.test/wrapper.js", `${URL_OF_MODULE}?x`, "blob:https://app.test/1"]) {
    expect(isOwnWorker(new Scope(href), URL_OF_MODULE), href).toBe(false);
  }
  const page = { location: { href: URL_OF_MODULE } };
  expect(isOwnWorker(page, URL_OF_MODULE)).toBe(false);
  expect(isOwnWorker({ ...page, DedicatedWorkerGlobalScope: Scope }, URL_OF_MODULE)).toBe(false);
});

const UNUSABLE = { type: "unusable", error: expect.objectContaining({ code: "unsupported_browser", fatal: true }) };

function stubWorker() {
  const scope = { addEventListener: vi.fn(), postMessage: vi.fn() };
  vi.stubGlobal("DedicatedWorkerGlobalScope", Object);
  vi.stubGlobal("location", { href: new URL("../ts/worker/worker.ts", import.meta.url).href });
  for (const [name, value] of Object.entries(scope)) vi.stubGlobal(name, value);
  return scope;
}

test("the entry listens in a worker, and throws elsewhere", async () => {
  await expect(import("../ts/worker/worker.js")).rejects.toThrow("worker of its own");
  vi.resetModules();
  vi.doMock("../ts/worker/natives.js", () => ({ fixNatives: vi.fn() }));
  const { addEventListener, postMessage } = stubWorker();
  await import("../ts/worker/worker.js");
  vi.doUnmock("../ts/worker/natives.js");
  expect(addEventListener).toHaveBeenCalledWith("message", expect.any(Function));
  expect(postMessage).not.toHaveBeenCalledWith(UNUSABLE);
});

test("a worker whose functions are not the browser's listens to nobody", async () => {
  const { addEventListener, postMessage } = stubWorker();
  await import("../ts/worker/worker.js");
  expect(addEventListener).not.toHaveBeenCalled();
  expect(postMessage).toHaveBeenCalledWith(UNUSABLE);
});
