/** Entry of the module worker: wires the host to this worker's message port. */
import { asKeyveilError } from "../errors.js";
import type { FromWorker, ToWorker } from "../messages.js";
import { WorkerHost } from "./host.js";
import { fixNatives } from "./natives.js";
import { isOwnWorker } from "./scope.js";

interface WorkerScope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToWorker>) => void): void;
}

if (!isOwnWorker(globalThis, import.meta.url)) throw new Error("worker.js runs as a worker of its own alone.");
const scope = globalThis as unknown as WorkerScope;
try {
  fixNatives(globalThis);
  const host = new WorkerHost((message, transfer) => scope.postMessage(message, transfer ?? []));
  scope.addEventListener("message", (event) => host.receive(event.data));
} catch (thrown) {
  // Nothing listens: this worker starts no decryptor and answers nobody.
  scope.postMessage({ type: "unusable", error: asKeyveilError(thrown, "unsupported_browser").toWire() });
}
