// In the page, as text: takes hold of hls.js however it is hidden in a bundle, keeps what its events carry, and walks over objects.

/** hls.js may be a variable in a closure: but each of its parts keeps it as `hls`, and all that it tells passes `trigger`. */
function takeHls() {
  const events = {};
  let count = 0;
  globalThis.hlsEvents = events;
  const isHls = (value) => typeof value?.loadSource === "function" && typeof value.trigger === "function";
  const take = (hls) => {
    if (globalThis.takenHls === hls) return;
    globalThis.takenHls = hls;
    const { trigger } = hls;
    hls.trigger = function (name, data) {
      count += 1;
      events[name] = [...(events[name] ?? []).slice(-9), data];
      return Reflect.apply(trigger, this, [name, data]);
    };
  };
  // A setter on the prototype of all objects is told who writes `this.hls = hls`.
  Object.defineProperty(Object.prototype, "hls", {
    configurable: true,
    get: () => undefined,
    set(value) {
      // As a constructor begins; what comes then must pass here, too.
      if (value === undefined) return;
      Object.defineProperty(this, "hls", { value, writable: true, configurable: true, enumerable: true });
      if (isHls(value) && this !== globalThis) take(value);
    },
  });
  globalThis.hlsEventCount = () => count;
}

/** From each of `roots` as if it were alone; what an event carries leads everywhere, so that is followed for `depthMax` steps alone. */
function walkObjects(roots, depthMax = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY) {
  const OBJECTS_MAX = 200_000;
  let objects = 0;
  const contents = [];
  const encoder = new TextEncoder();
  const keep = (path, bytes) => {
    if (bytes.length >= 16 && bytes.length <= bytesMax) contents.push({ path, base64: bytes.toBase64() });
  };
  let queue = [];
  const put = (path, value, depth) => {
    if (typeof value === "string") keep(path, encoder.encode(value));
    else if ((typeof value === "object" && value !== null) || typeof value === "function")
      queue.push([path, value, depth]);
  };
  const namesOf = (object) => {
    const names = new Set();
    for (
      let one = object;
      one && one !== Object.prototype && one !== Function.prototype;
      one = Object.getPrototypeOf(one)
    )
      for (const name of Reflect.ownKeys(one)) names.add(name);
    return names;
  };
  // Not out of the player's own objects into all of the document.
  const isForeign = (value) => {
    if (value === globalThis || value === document) return true;
    try {
      return value instanceof Node && value !== roots.element && value.getRootNode() === document;
    } catch {
      // A prototype is no node.
      return false;
    }
  };
  const look = ([path, value, depth], seen) => {
    if (!value || seen.has(value) || isForeign(value) || depth > depthMax) return;
    seen.add(value);
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      const { buffer = value, byteOffset = 0 } = value;
      if (!buffer.detached) keep(path, new Uint8Array(buffer, byteOffset, value.byteLength));
      return;
    }
    if (value instanceof Map || value instanceof Set)
      for (const [index, one] of [...value].entries()) put(`${path}[${index}]`, one, depth + 1);
    if (Array.isArray(value) && value.length >= 4 && value.every((one) => Number.isInteger(one)))
      keep(path, encoder.encode(value.join()));
    for (const name of namesOf(value)) {
      try {
        put(`${path}.${String(name)}`, value[name], depth + 1);
      } catch {
        // Some accessors refuse.
      }
    }
  };
  for (const [name, root] of Object.entries(roots)) {
    const seen = new Set();
    queue = [[name, root, 0]];
    for (let next = 0; next < queue.length; next++) {
      if (seen.size > OBJECTS_MAX) throw new Error("more objects than are looked at");
      look(queue[next], seen);
    }
    objects += seen.size;
  }
  return { contents, objects };
}

/** For `addInitScript`. */
export const TAKE_HLS = `(${takeHls})();\n`;
/** Leaves `globalThis.walkObjects(roots)`. */
export const OBJECT_WALK = `globalThis.walkObjects = ${walkObjects};\n`;
