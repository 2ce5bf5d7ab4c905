// Against the built package: `node build.mjs` comes first.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const PACKAGED = new URL("../dist/keyveil.wasm", import.meta.url);
const OTHER = new TextEncoder().encode("<html>");

let startWasm;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const refusal = (pinned) =>
  startWasm({ url: "http://host/keyveil.wasm", sha256: sha256(pinned) }, "same-origin").then(
    () => "not refused",
    (error) => error.code,
  );

/** What the server has, and whether anything of it was compiled. */
function served(bytes) {
  vi.stubGlobal("fetch", async () => new Response(bytes));
  const compiled = ["compile", "instantiate", "validate"].map((name) => vi.spyOn(WebAssembly, name));
  return () => compiled.some((spy) => spy.mock.calls.length > 0);
}

beforeEach(async () => {
  // The bindings hold the one instance of their module: each test has its own.
  vi.resetModules();
  ({ startWasm } = await import("../ts/worker/wasm.ts"));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("a pin has one place in the packaged worker, and none is set there", async () => {
  const worker = await readFile(new URL("../dist/worker.js", import.meta.url), "utf8");
  expect(worker.split("keyveil-sdk-pin:none").length).toBe(2);
});

test("the packaged module carries no SDK build and starts no session", async () => {
  const bytes = await readFile(PACKAGED);
  const isCompiled = served(bytes);
  expect(await refusal(bytes)).toBe("build_missing");
  expect(isCompiled(), "the control: this one is compiled").toBe(true);
});

test("with one byte altered a module is refused before it is compiled", async () => {
  const bytes = await readFile(PACKAGED);
  const altered = Buffer.from(bytes);
  altered[altered.length - 1] ^= 1;
  const isCompiled = served(altered);
  expect(await refusal(bytes)).toBe("wasm_altered");
  expect(isCompiled()).toBe(false);
});

test("a file too large to be a module of ours is not read to its end", async () => {
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent += 1 << 20;
      controller.enqueue(new Uint8Array(1 << 20));
    },
  });
  const isCompiled = served(endless);
  expect(await refusal(OTHER)).toBe("wasm_altered");
  expect(sent).toBeLessThan(16 << 20);
  expect(isCompiled()).toBe(false);
});

test("what is pinned and no module is refused", async () => {
  served(OTHER);
  expect(await refusal(OTHER)).toBe("wasm_unavailable");
});

test("a browser without WebAssembly's vectors is told apart from a module that is broken", async () => {
  const bytes = await readFile(PACKAGED);
  served(bytes);
  vi.spyOn(WebAssembly, "instantiate").mockRejectedValue(new WebAssembly.CompileError("invalid opcode"));
  expect(await refusal(bytes), "the control: this one has them").toBe("wasm_unavailable");
  vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
  expect(await refusal(bytes)).toBe("unsupported_browser");
});

test("a module that is not there is refused", async () => {
  vi.stubGlobal("fetch", async () => new Response("", { status: 404 }));
  expect(await refusal(OTHER)).toBe("wasm_unavailable");
});

test("a browser without WebAssembly is told so", async () => {
  vi.stubGlobal("WebAssembly", undefined);
  expect(await refusal(OTHER)).toBe("wasm_unavailable");
});

test("where nothing can be verified, nothing is fetched", async () => {
  const fetched = vi.fn(async () => new Response(OTHER));
  vi.stubGlobal("fetch", fetched);
  vi.stubGlobal("crypto", {});
  expect(await refusal(OTHER)).toBe("wasm_unavailable");
  expect(fetched).not.toHaveBeenCalled();
});
