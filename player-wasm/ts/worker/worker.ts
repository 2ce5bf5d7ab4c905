/** Entry of the module worker: wires the host to this worker's message port. */
import type { ToWorker } from "../messages.js";
import { WorkerHost } from "./host.js";

interface WorkerScope {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToWorker>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
const host = new WorkerHost((message, transfer) => scope.postMessage(message, transfer ?? []));
scope.addEventListener("message", (event) => host.receive(event.data));
