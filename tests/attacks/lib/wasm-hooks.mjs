// What a thief who is in a worker before its script puts around WebAssembly: each way to compile and to start a module, and a look at
// all of its memory after each call into it. Sent to page and worker as text: it uses nothing from outside.

/** Memory is kept in pieces that changed since they were seen last; a secret may stand across two. */
const PIECE_BYTES = 1 << 16;
const OVERLAP_BYTES = 512;
const SNAPSHOTS_MAX = 1000;
const KEPT_BYTES_MAX = 192 << 20;

/** The pieces of memories that were not seen before, with when they were. */
function makeSnapshots(pieceBytes, overlapBytes, snapshotsMax, bytesMax) {
  const Bytes = Uint8Array;
  const { imul } = Math;
  const memories = [];
  const known = new Set();
  const pieces = [];
  const taken = { count: 0, dropped: 0, bytes: 0, memoryBytes: 0 };
  const keyOf = (bytes) => {
    let a = 0xdeadbeef;
    let b = 0x41c6ce57;
    for (let at = 0; at < bytes.length; at++) {
      a = imul(a ^ bytes[at], 2654435761);
      b = imul(b ^ bytes[at], 1597334677);
    }
    return `${bytes.length} ${a} ${b}`;
  };
  const keep = (buffer, at, when) => {
    const length = Math.min(pieceBytes + overlapBytes, buffer.byteLength - at);
    const piece = new Bytes(buffer, at, length);
    const key = `${at} ${keyOf(piece)}`;
    if (known.has(key)) return;
    if (taken.bytes + length > bytesMax) {
      taken.dropped += 1;
      return;
    }
    known.add(key);
    taken.bytes += length;
    pieces.push({ when, bytes: new Bytes(piece) });
  };
  const snapshot = (when) => {
    if (taken.count >= snapshotsMax) {
      taken.dropped += 1;
      return;
    }
    taken.count += 1;
    for (const { buffer } of memories) {
      taken.memoryBytes = Math.max(taken.memoryBytes, buffer.byteLength);
      for (let at = 0; at < buffer.byteLength; at += pieceBytes) keep(buffer, at, when);
    }
  };
  return { memories, pieces, taken, snapshot };
}

function installWasmHooks(pieceBytes, overlapBytes, snapshotsMax, bytesMax) {
  const { memories, pieces, taken, snapshot } = makeSnapshots(pieceBytes, overlapBytes, snapshotsMax, bytesMax);
  const disguised = globalThis.disguise ?? ((hook) => hook);
  const calls = {};
  const exported = [];
  const modules = [];
  const { Memory, Instance, Module } = WebAssembly;
  const found = (value) => {
    if (value instanceof Memory && !memories.includes(value)) memories.push(value);
  };
  const seeBytes = (source) => {
    if (source instanceof ArrayBuffer || ArrayBuffer.isView(source))
      modules.push(new Uint8Array(source.buffer ?? source));
  };
  const wrapped = (name, one) => {
    found(one);
    if (typeof one !== "function") return one;
    return (...given) => {
      const returned = one(...given);
      snapshot(name);
      return returned;
    };
  };
  const spied = (instance) => {
    exported.push(Object.keys(instance.exports));
    const exports = Object.fromEntries(
      Object.entries(instance.exports).map(([name, one]) => [name, wrapped(name, one)]),
    );
    snapshot("instantiated");
    return new Proxy(instance, { get: (target, name) => (name === "exports" ? exports : target[name]) });
  };
  const spiedResult = (result) => {
    if (result instanceof Instance) return spied(result);
    return result?.instance ? { module: result.module, instance: spied(result.instance) } : result;
  };
  const note = (name, [source, imports]) => {
    calls[name] = (calls[name] ?? 0) + 1;
    seeBytes(source);
    for (const one of Object.values(imports ?? {})) for (const value of Object.values(one ?? {})) found(value);
  };
  for (const name of ["instantiate", "instantiateStreaming", "compile", "compileStreaming"]) {
    const original = WebAssembly[name];
    calls[name] = 0;
    WebAssembly[name] = disguised(async (...given) => {
      note(name, given);
      return spiedResult(await Reflect.apply(original, WebAssembly, given));
    }, name);
  }
  for (const [name, Original] of Object.entries({ Instance, Module })) {
    calls[name] = 0;
    const construct = (target, given) => {
      note(name, given);
      return spiedResult(Reflect.construct(target, given));
    };
    WebAssembly[name] = disguised(new Proxy(Original, { construct }), name);
  }
  globalThis.wasmHooks = { calls, memories, exported, modules, pieces, taken, snapshot };
}

const SETTINGS = [PIECE_BYTES, OVERLAP_BYTES, SNAPSHOTS_MAX, KEPT_BYTES_MAX];

/** Leaves `globalThis.wasmHooks`. Goes before the hooks of page-hooks.mjs, which then do not see what it does itself. */
export const WASM_HOOKS = `(() => {\n${makeSnapshots}\n${installWasmHooks}\ninstallWasmHooks(${SETTINGS.join(", ")});\n})();`;

const CHUNK_PIECES = 100;

/** What they saw in a page or worker: { calls, exported, taken, contents: [{ name: when, body }], modules: [Buffer] }. Throws where not all was kept. */
export async function wasmSeen(target) {
  const seen = await target.evaluate(() => {
    const { calls, exported, taken, pieces, modules, snapshot } = globalThis.wasmHooks;
    snapshot("after");
    return { calls, exported, taken, count: pieces.length, modules: modules.map((one) => one.toBase64()) };
  });
  if (seen.taken.dropped > 0) throw new Error(`${target.url}: ${seen.taken.dropped} looks at memory were not kept`);
  const contents = [];
  for (let begin = 0; begin < seen.count; begin += CHUNK_PIECES) {
    const pieces = await target.evaluate(
      ([from, to]) =>
        globalThis.wasmHooks.pieces.slice(from, to).map(({ when, bytes }) => ({ when, base64: bytes.toBase64() })),
      [begin, begin + CHUNK_PIECES],
    );
    contents.push(...pieces.map(({ when, base64 }) => ({ name: when, body: Buffer.from(base64, "base64") })));
  }
  return { ...seen, contents, modules: seen.modules.map((base64) => Buffer.from(base64, "base64")) };
}
