// What a thief's script puts around a page's functions before the page's own scripts run. It runs in every frame; a worker it reaches by DevTools alone.
// All of it is sent to the page as text: it uses nothing from outside but these functions and those of page-hook-list.mjs.
import { HOOK_PARTS, HOOK_SETTINGS } from "./page-hook-list.mjs";

/**
 * For whoever asks a function for its source, ours are the browser's own. Leaves `disguise(function, name)`. Whoever asks otherwise (by a
 * frame's own `toString`, by an error's stack) is not deceived; a worker has no frames.
 */
function disguiseHooks() {
  const names = new WeakMap();
  const sourceOf = Function.prototype.toString;
  const { apply } = Reflect;
  globalThis.disguise = (hook, name) => {
    names.set(hook, name);
    return hook;
  };
  Function.prototype.toString = globalThis.disguise(function toString_() {
    return names.has(this) ? `function ${names.get(this)}() { [native code] }` : apply(sourceOf, this, []);
  }, "toString");
}

/** Goes before all hooks that are not to be noticed. */
export const DISGUISE = `(${disguiseHooks})();\n`;

/** Enough for a nonce, and the least that a key is. */
const BYTES_MIN = 16;
/** Distinct contents of one frame; what is more is counted as dropped. */
const KEPT_BYTES_MAX = 128 << 20;
const DEPTH_MAX = 8;

/** Each distinct content that passed, with the names of the hooks that it passed, and what each hook was given. */
function makeStore(bytesMin, bytesMax) {
  const Bytes = Uint8Array;
  const contents = new Map();
  const hooks = new Map();
  let kept = 0;
  const store = { contents, hooks, dropped: 0 };
  const keyOf = (bytes) => {
    let a = 0xdeadbeef;
    let b = 0x41c6ce57;
    for (let at = 0; at < bytes.length; at++) {
      a = Math.imul(a ^ bytes[at], 2654435761);
      b = Math.imul(b ^ bytes[at], 1597334677);
    }
    return `${bytes.length} ${a} ${b}`;
  };
  store.hook = (name) => {
    if (!hooks.has(name)) hooks.set(name, { calls: 0, contents: 0, bytes: 0, binaries: 0, kinds: {} });
    return hooks.get(name);
  };
  store.keep = (name, bytes) => {
    if (bytes.length < bytesMin) return;
    const hook = store.hook(name);
    hook.contents += 1;
    hook.bytes += bytes.length;
    const key = keyOf(bytes);
    const known = contents.get(key);
    if (known) {
      known.hooks.add(name);
    } else if (kept + bytes.length > bytesMax) {
      store.dropped += 1;
    } else {
      kept += bytes.length;
      contents.set(key, { bytes: new Bytes(bytes), hooks: new Set([name]) });
    }
  };
  return store;
}

/** Takes apart what passed a hook, and keeps its bytes: of buffers, of texts, and of arrays of numbers. */
function makeVisitor(store, depthMax) {
  const Bytes = Uint8Array;
  const encoder = new TextEncoder();
  const { arrayBuffer } = Blob.prototype;
  const { isView } = ArrayBuffer;
  const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
  const pending = [];
  const ofText = (text) =>
    /[^\0-\xff]/.test(text) ? encoder.encode(text) : Bytes.from(text, (character) => character.charCodeAt(0));
  const ofNumbers = (list) => {
    if (list.length < 4 || !list.every((one) => Number.isInteger(one))) return null;
    if (list.every((one) => one >= 0 && one <= 0xff)) return new Bytes(list);
    if (list.some((one) => one < -(2 ** 31) || one >= 2 ** 32)) return null;
    return new Bytes(list.flatMap((one) => [one >>> 24, (one >>> 16) & 0xff, (one >>> 8) & 0xff, one & 0xff]));
  };
  const visitBinary = (name, value) => {
    // Given away meanwhile: it was seen when it was there.
    if ((value.buffer ?? value).detached) return;
    store.hook(name).binaries += 1;
    if (value instanceof Blob) {
      const bytes = Reflect.apply(arrayBuffer, value, []).then((buffer) => store.keep(name, new Bytes(buffer)));
      pending.push(bytes.catch(() => null));
    } else if (isView(value)) {
      store.keep(name, new Bytes(value.buffer, value.byteOffset, value.byteLength));
    } else {
      store.keep(name, new Bytes(value));
    }
  };
  const visit = (name, value, depth = 0, seen = new Set()) => {
    if (typeof value === "string") return store.keep(name, ofText(value));
    if (value === null || typeof value !== "object" || depth > depthMax || seen.has(value)) return;
    seen.add(value);
    const tag = tagOf(value);
    const { kinds } = store.hook(name);
    kinds[tag] = (kinds[tag] ?? 0) + 1;
    if (isView(value) || value instanceof Blob || tag === "ArrayBuffer" || tag === "SharedArrayBuffer")
      return visitBinary(name, value);
    if (Array.isArray(value)) {
      const bytes = ofNumbers(value);
      if (bytes) return store.keep(name, bytes);
    }
    if (Array.isArray(value) || tag === "Object")
      for (const one of Object.values(value)) visit(name, one, depth + 1, seen);
    if (tag === "Map" || tag === "Set") for (const one of value) visit(name, one, depth + 1, seen);
  };
  return { visit, settled: () => Promise.all(pending) };
}

/**
 * Ways to put a hook around a function, a constructor, and either half of an accessor. `see(name, ...values)` must not throw; `register(name)` is
 * told what hooks there are.
 */
function makeWrappers(see, register) {
  const disguised = globalThis.disguise ?? ((hook) => hook);
  const seeLater = (name, result) => result.then((value) => see(name, value)).catch(() => null);
  const apply = (name, { args = true, result = false, later = false }) => ({
    apply(target, self, given) {
      if (args) see(name, ...given);
      const returned = Reflect.apply(target, self, given);
      if (later) seeLater(name, returned);
      else if (typeof result === "function" ? result(returned) : result) see(name, returned);
      return returned;
    },
  });
  const method = (owner, property, name, what = {}) => {
    if (!owner?.[property]) return;
    register(name);
    owner[property] = disguised(new Proxy(owner[property], apply(name, what)), property);
  };
  const constructed = (property, name, seeNew) => {
    const handler = {
      construct(target, given, newTarget) {
        see(name, ...given);
        const made = Reflect.construct(target, given, newTarget);
        seeNew?.(made, given);
        return made;
      },
    };
    if (!globalThis[property]) return;
    register(name);
    globalThis[property] = disguised(new Proxy(globalThis[property], handler), property);
  };
  const accessor = (owner, property, { read, written }) => {
    // Workers have no elements.
    if (!owner) return;
    const { get, set } = Object.getOwnPropertyDescriptor(owner, property);
    for (const name of [read, written]) if (typeof name === "string") register(name);
    Object.defineProperty(owner, property, {
      configurable: true,
      enumerable: true,
      get() {
        const value = Reflect.apply(get, this, []);
        if (read) see(typeof read === "function" ? read(this) : read, value);
        return value;
      },
      ...(set && {
        set(value) {
          if (written) see(written, value);
          Reflect.apply(set, this, [value]);
        },
      }),
    });
  };
  return { register, method, constructed, accessor };
}

function install(bytesMin, bytesMax, depthMax, typedArrays, around) {
  const store = makeStore(bytesMin, bytesMax);
  const { visit, settled } = makeVisitor(store, depthMax);
  const workers = [];
  const posted = [];
  let failures = 0;
  // What the hooks do themselves passes them uncounted.
  let busy = false;
  const quietly = (task) => {
    if (busy) return task();
    busy = true;
    try {
      return task();
    } finally {
      busy = false;
    }
  };
  const see = (name, ...values) => {
    if (busy) return;
    quietly(() => {
      store.hook(name).calls += 1;
      try {
        if (name === "Worker.postMessage" && values[0]?.type === "load") posted.push(structuredClone(values[0]));
        for (const value of values) visit(name, value);
      } catch {
        failures += 1;
      }
    });
  };
  hookAll(makeWrappers(see, store.hook), see, workers, typedArrays, around);
  globalThis.pageHooks = { store, workers, posted, quietly, settled, failures: () => failures };
}

const PARTS = [makeStore, makeVisitor, makeWrappers, ...HOOK_PARTS, install];
const SETTINGS = [BYTES_MIN, KEPT_BYTES_MAX, DEPTH_MAX, ...HOOK_SETTINGS].map((one) => JSON.stringify(one));

/** For `addInitScript` and for workers: leaves `globalThis.pageHooks`. */
export const PAGE_HOOKS = `(() => {\n${PARTS.join("\n")}\ninstall(${SETTINGS.join(", ")});\n})();`;
