// What a browser's processes and workers hold in memory.
import { execFileSync } from "node:child_process";

/** A garbage collection on a busy machine takes seconds. */
const ANSWER_MS = 60_000;

/** Resident bytes of the renderers below a browser's process. */
export function renderersResident(browserPid) {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,rss=,args="], { encoding: "utf8", maxBuffer: 16 << 20 })
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter(Boolean)
    .map(([, pid, ppid, kib, args]) => ({ pid: Number(pid), ppid: Number(ppid), bytes: Number(kib) * 1024, args }));
  const below = new Set([browserPid]);
  for (let grew = true; grew; ) {
    const found = rows.filter(({ pid, ppid }) => below.has(ppid) && !below.has(pid));
    for (const { pid } of found) below.add(pid);
    grew = found.length > 0;
  }
  const renderers = rows.filter(({ pid, args }) => below.has(pid) && args.includes("--type=renderer"));
  return renderers.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The page's workers by the debugging protocol: { size, heapUsed(), wasmBytes() }, both in bytes after a garbage collection. */
export async function workersOf(cdp) {
  const sessions = new Set();
  cdp.on(
    "Target.attachedToTarget",
    ({ sessionId, targetInfo }) => targetInfo.type === "worker" && sessions.add(sessionId),
  );
  cdp.on("Target.detachedFromTarget", ({ sessionId }) => sessions.delete(sessionId));
  await cdp.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  let id = 0;
  /** Asks a worker by message, as sessions inside a page's session are not flattened. */
  const ask = (sessionId, method, params = {}) =>
    new Promise((resolve, reject) => {
      const wanted = ++id;
      const timer = setTimeout(() => {
        cdp.off("Target.receivedMessageFromTarget", listener);
        reject(new Error(`a worker does not answer ${method}`));
      }, ANSWER_MS);
      const listener = (event) => {
        const answer = JSON.parse(event.message);
        if (event.sessionId !== sessionId || answer.id !== wanted) return;
        clearTimeout(timer);
        cdp.off("Target.receivedMessageFromTarget", listener);
        resolve(answer.result);
      };
      cdp.on("Target.receivedMessageFromTarget", listener);
      cdp.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id: wanted, method, params }) });
    });
  /**
   * An array of the memories of a worker's wasm. Looked for once, best before the worker has work: Chromium's renderer crashes at one of some
   * dozen such questions while wasm runs, and at none of thousands where none does.
   */
  const memoriesOf = async (sessionId) => {
    const { result } = await ask(sessionId, "Runtime.evaluate", { expression: "WebAssembly.Memory.prototype" });
    const { objects } = await ask(sessionId, "Runtime.queryObjects", { prototypeObjectId: result.objectId });
    return objects.objectId;
  };
  const found = new Map();
  const wasmBytes = async (sessionId) => {
    if (!found.has(sessionId)) found.set(sessionId, await memoriesOf(sessionId));
    const sum = await ask(sessionId, "Runtime.callFunctionOn", {
      objectId: found.get(sessionId),
      functionDeclaration: "function () { return this.reduce((sum, { buffer }) => sum + buffer.byteLength, 0); }",
      returnByValue: true,
    });
    return sum.result.value;
  };
  return {
    get size() {
      return sessions.size;
    },
    async heapUsed() {
      let bytes = 0;
      for (const sessionId of sessions) {
        await ask(sessionId, "HeapProfiler.collectGarbage");
        bytes += (await ask(sessionId, "Runtime.getHeapUsage")).usedSize;
      }
      return bytes;
    },
    async wasmBytes() {
      let bytes = 0;
      for (const sessionId of sessions) bytes += await wasmBytes(sessionId);
      return bytes;
    },
  };
}
