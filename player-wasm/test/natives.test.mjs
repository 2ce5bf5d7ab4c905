import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { KeyveilError } from "../ts/errors.ts";
import { fixNatives } from "../ts/worker/natives.ts";

/** The worker's own functions that Node has none of, or has in JavaScript: natives of other names, by these names. */
const BROWSER = `
  for (const name of ["fetch", "postMessage", "addEventListener", "TextDecoder", "MediaSource"]) globalThis[name] = native(name);
  TextDecoder.prototype = { decode: native("decode") };
  globalThis.TextEncoder = { prototype: { encode: native("encode"), encodeInto: native("encodeInto") } };
  globalThis.Response = { prototype: { text: native("text"), arrayBuffer: native("arrayBuffer") } };
  Object.defineProperty(Response.prototype, "body", { get: native("get body"), configurable: true });
  globalThis.ReadableStreamDefaultReader = { prototype: { read: native("read") } };
  globalThis.crypto = Object.create({ getRandomValues: native("getRandomValues") });
  MediaSource.prototype = { addSourceBuffer: native("addSourceBuffer") };
  globalThis.SourceBuffer = { prototype: { appendBuffer: native("appendBuffer") } };
`;
/** A realm in which source texts are what a browser would say. */
function realm(change = "") {
  return runInNewContext(`
    const names = new Map();
    const sources = Function.prototype.toString;
    const native = (name) => { const made = function () {}; names.set(made, name); return made; };
    ${BROWSER}
    ${change}
    globalThis.sourceOf = (value) => names.has(value) ? "function " + names.get(value) + "() { [native code] }" : sources.call(value);
    globalThis;
  `);
}

/** The error that stops the worker; null where it may run. */
function refusal(scope) {
  const own = Function.prototype.toString;
  const sourceOf = Reflect.get(scope, "sourceOf");
  Function.prototype.toString = function () {
    return sourceOf(this);
  };
  try {
    fixNatives(scope);
    return null;
  } catch (thrown) {
    if (thrown instanceof KeyveilError) return thrown;
    throw thrown;
  } finally {
    Function.prototype.toString = own;
  }
}

test("a worker of the browser's own functions runs, and they can't be replaced from then on", () => {
  const scope = realm();
  expect(refusal(scope)).toBeNull();
  for (const [holder, name] of [
    [scope, "fetch"],
    [scope.crypto, "getRandomValues"],
    [scope.WebAssembly, "instantiate"],
    [scope.SourceBuffer.prototype, "appendBuffer"],
    [scope.Uint8Array.prototype, "set"],
  ]) {
    const before = holder[name];
    expect(() => Object.defineProperty(holder, name, { value: () => before }), name).toThrow(TypeError);
    expect(
      Reflect.set(holder, name, () => before),
      name,
    ).toBe(false);
    expect(holder[name]).toBe(before);
  }
});

describe("what is not the browser's own is refused", () => {
  test.each([
    ["fetch", "globalThis.fetch = () => {}"],
    ["fetch", "globalThis.fetch = fetch.bind(null)"],
    ["fetch", "globalThis.fetch = new Proxy(fetch, {})"],
    ["fetch", "globalThis.fetch = native('other')"],
    ["crypto.getRandomValues", "crypto.getRandomValues = function getRandomValues() {}"],
    ["WebAssembly.instantiate", "WebAssembly.instantiate = async () => {}"],
    ["ArrayBuffer", "globalThis.ArrayBuffer = class ArrayBuffer {}"],
    ["Uint8Array.prototype.set", "Uint8Array.prototype.set = function set() {}"],
    ["TextDecoder.prototype.decode", "TextDecoder.prototype.decode = () => ''"],
    ["JSON.parse", "JSON.parse = () => ({})"],
    ["SourceBuffer.prototype.appendBuffer", "SourceBuffer.prototype.appendBuffer = () => {}"],
    ["Function.prototype.toString", "Function.prototype.toString = () => 'function fetch() { [native code] }'"],
    [
      "WebAssembly.Memory.prototype.buffer",
      "Object.defineProperty(WebAssembly.Memory.prototype, 'buffer', { get: () => new ArrayBuffer(0) })",
    ],
  ])("%s: %s", (path, change) => {
    const error = refusal(realm(change));
    expect(error?.code).toBe("unsupported_browser");
    expect(error?.message).toContain(`${path} in the player's worker is not the browser's own`);
  });
});

test("what is missing is refused, and what a browser may lack is not", () => {
  expect(refusal(realm("delete globalThis.fetch"))?.message).toContain("fetch is missing");
  expect(refusal(realm("delete globalThis.crypto"))?.code).toBe("unsupported_browser");
  expect(refusal(realm("delete globalThis.WebAssembly"))?.code).toBe("wasm_unavailable");
  expect(refusal(realm("delete globalThis.MediaSource; delete globalThis.SourceBuffer"))).toBeNull();
});

test("what is refused stays as it was", () => {
  const scope = realm("SourceBuffer.prototype.appendBuffer = () => {}");
  expect(refusal(scope)?.code).toBe("unsupported_browser");
  expect(Reflect.set(scope, "fetch", 1)).toBe(true);
});
