/**
 * Whether the functions that key material and media pass through are the browser's own, and that they stay so. Code that came into the worker
 * first, as a wrapper that hooks them and then runs this, is noticed; code that knows what is looked at here is not: a speed bump
 * (docs/SECURITY.md, "Not stopped").
 */
import { KeyveilError } from "../errors.js";

/** Paths from the worker's global object. What a browser may lack is marked: whoever needs it then says so. */
const FUNCTIONS = [
  "Function.prototype.toString",
  "Function.prototype.apply",
  "Function.prototype.call",
  "Object.defineProperty",
  "fetch",
  "postMessage",
  "addEventListener",
  "JSON.parse",
  "JSON.stringify",
  "ArrayBuffer",
  "ArrayBuffer.prototype.slice",
  "DataView",
  "Uint8Array",
  "Uint8Array.prototype.set",
  "Uint8Array.prototype.subarray",
  "TextDecoder",
  "TextDecoder.prototype.decode",
  "TextEncoder.prototype.encode",
  "TextEncoder.prototype.encodeInto",
  "Response.prototype.text",
  "Response.prototype.arrayBuffer",
  "ReadableStreamDefaultReader.prototype.read",
  "crypto.getRandomValues",
  "crypto.subtle.digest?",
  "WebAssembly.instantiate",
  "WebAssembly.compile",
  "WebAssembly.Module",
  "WebAssembly.Instance",
  "WebAssembly.Memory",
  "MediaSource?",
  "MediaSource.prototype.addSourceBuffer?",
  "SourceBuffer.prototype.appendBuffer?",
];

const ACCESSORS = ["WebAssembly.Memory.prototype.buffer", "Response.prototype.body"];

interface Native {
  readonly holder: object;
  readonly name: string;
  readonly descriptor: PropertyDescriptor;
}

/**
 * Looks at each in `scope` and fixes it, so that nobody replaces it later.
 *
 * @throws {KeyveilError} `wasm_unavailable` where WebAssembly is missing; `unsupported_browser` where something else is, or is not the browser's.
 */
export function fixNatives(scope: object): void {
  const natives = [
    ...FUNCTIONS.flatMap((path) => functionAt(scope, path) ?? []),
    ...ACCESSORS.map((path) => accessorAt(scope, path)),
  ];
  // Only now: whoever is refused leaves everything as it was.
  for (const { holder, name, descriptor } of natives) Object.defineProperty(holder, name, descriptor);
}

function functionAt(scope: object, marked: string): Native | null {
  const path = marked.replace("?", "");
  const { holder, name } = holderOf(scope, path);
  const value: unknown = holder ? Reflect.get(holder, name) : undefined;
  if (!holder || value === undefined) {
    if (path !== marked) return null;
    throw missing(path);
  }
  if (!isNative(value, name)) throw replaced(path);
  // On the holder itself, also where it is inherited: an object's own property would come before it.
  const enumerable = Reflect.getOwnPropertyDescriptor(holder, name)?.enumerable ?? false;
  return { holder, name, descriptor: { value, enumerable, writable: false, configurable: false } };
}

function accessorAt(scope: object, path: string): Native {
  const { holder, name } = holderOf(scope, path);
  const found = holder && Reflect.getOwnPropertyDescriptor(holder, name);
  if (!holder || !found) throw missing(path);
  if (!isNative(found.get, name)) throw replaced(path);
  return { holder, name, descriptor: { ...found, configurable: false } };
}

function holderOf(scope: object, path: string): { holder: object | null; name: string } {
  const names = path.split(".");
  const name = names.pop() ?? "";
  let holder: unknown = scope;
  for (const each of names) {
    if ((typeof holder !== "object" && typeof holder !== "function") || holder === null) break;
    holder = Reflect.get(holder, each);
  }
  const isHolder = (typeof holder === "object" && holder !== null) || typeof holder === "function";
  return { holder: isHolder ? (holder as object) : null, name };
}

/** By its source, which of a bound function and of a proxy has no name. */
function isNative(value: unknown, name: string): boolean {
  if (typeof value !== "function") return false;
  const source = Function.prototype.toString.call(value);
  return new RegExp(`^function (get )?${name}\\(\\)\\s*\\{\\s*\\[native code\\]\\s*\\}$`).test(source);
}

function missing(path: string): KeyveilError {
  const code = path.startsWith("WebAssembly") ? "wasm_unavailable" : "unsupported_browser";
  return new KeyveilError(code, `${path} is missing in the player's worker.`);
}

function replaced(path: string): KeyveilError {
  return new KeyveilError("unsupported_browser", `${path} in the player's worker is not the browser's own.`);
}
