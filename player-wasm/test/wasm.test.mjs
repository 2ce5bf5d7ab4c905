// Against the built package: `node build.mjs` comes first.
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const PACKAGED = new URL("../dist/keyveil.wasm", import.meta.url);

let startWasm;

const refusal = () =>
  startWasm("http://host/keyveil.wasm", "same-origin").then(
    () => "not refused",
    (error) => error.code,
  );

beforeEach(async () => {
  // The bindings hold the one instance of their module: each test has its own.
  vi.resetModules();
  ({ startWasm } = await import("../ts/worker/wasm.ts"));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

test("the packaged module carries no SDK build and starts no session", async () => {
  const bytes = await readFile(PACKAGED);
  vi.stubGlobal("fetch", async () => new Response(bytes));
  expect(await refusal()).toBe("build_missing");
});

test("what is no module is refused", async () => {
  vi.stubGlobal("fetch", async () => new Response("<html>"));
  expect(await refusal()).toBe("wasm_unavailable");
});

test("a module that is not there is refused", async () => {
  vi.stubGlobal("fetch", async () => new Response("", { status: 404 }));
  expect(await refusal()).toBe("wasm_unavailable");
});

test("a browser without WebAssembly is told so", async () => {
  vi.stubGlobal("WebAssembly", undefined);
  expect(await refusal()).toBe("wasm_unavailable");
});
