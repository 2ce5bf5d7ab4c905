import { describe, expect, test } from "vitest";
import { pinOf, wasmSource } from "../ts/worker/pin.js";

const SHA256 = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const WORKER = "https://page/sdk/worker.js";
const PIN = { wasm: "keyveil-b1.0011.wasm", sha256: SHA256 };
const refusal = (...args: Parameters<typeof wasmSource>) => {
  try {
    wasmSource(...args);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "not refused";
};

describe("a worker with a pin", () => {
  test("takes its own wasm, beside itself", () => {
    expect(wasmSource({}, WORKER, PIN)).toEqual({ url: "https://page/sdk/keyveil-b1.0011.wasm", sha256: SHA256 });
  });

  test("gets it from where the page says, and takes no other", () => {
    const wasmUrl = "https://cdn/any.wasm";
    expect(wasmSource({ wasmUrl }, WORKER, PIN)).toEqual({ url: wasmUrl, sha256: SHA256 });
    expect(refusal({ wasmUrl, wasmSha256: OTHER }, WORKER, PIN)).toBe("wasm_altered");
    expect(wasmSource({ wasmSha256: SHA256.toUpperCase() }, WORKER, PIN).sha256).toBe(SHA256);
  });
});

describe("a worker without one", () => {
  test("takes the wasm that the page names by its hash, and none else", () => {
    expect(wasmSource({ wasmSha256: SHA256 }, WORKER, null).url).toBe("https://page/sdk/keyveil.wasm");
    expect(refusal({ wasmUrl: "https://cdn/any.wasm" }, WORKER, null)).toBe("build_missing");
    expect(refusal({}, WORKER, null)).toBe("build_missing");
  });
});

describe("the pin", () => {
  test("is a file name and a hash", () => {
    expect(pinOf(`keyveil-sdk-pin:${PIN.wasm}:${SHA256}`)).toEqual(PIN);
    for (const pin of ["none", `../${PIN.wasm}:${SHA256}`, `${PIN.wasm}:${SHA256.slice(2)}`, `${PIN.wasm}:${SHA256}0`])
      expect(pinOf(`keyveil-sdk-pin:${pin}`), pin).toBe(null);
  });
});
