/** Entry of the module worker: wires the host to this worker's message port. */
import type { ToWorker } from "../messages.js";
import { WorkerHost } from "./host.js";
import { isOwnWorker } from "./scope.js";

interface WorkerScope {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToWorker>) => void): void;
}

if (!isOwnWorker(globalThis, import.meta.url)) throw new Error("worker.js runs as a worker of its own alone.");
const scope = globalThis as unknown as WorkerScope;
const host = new WorkerHost((message, transfer) => scope.postMessage(message, transfer ?? []));
scope.addEventListener("message", (event) => host.receive(event.data));
