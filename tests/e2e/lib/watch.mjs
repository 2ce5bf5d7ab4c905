// What a browser page receives: every network body of the page and its workers, and every segment its worker hands over.

/** Collects requests' and responses' bodies. `bodies()` waits for those under way: [{ name, body }]. */
export function watchBodies(context) {
  const pending = [];
  context.on("request", (request) => {
    const sent = request.postDataBuffer();
    const headers = JSON.stringify(request.headers());
    pending.push({
      name: `request to ${request.url()}`,
      body: Buffer.concat([sent ?? Buffer.alloc(0), Buffer.from(headers)]),
    });
  });
  context.on("response", (response) => {
    const body = response.body().then(
      (bytes) => ({
        name: response.url(),
        body: Buffer.concat([bytes, Buffer.from(JSON.stringify(response.headers()))]),
      }),
      // A request that was aborted has no body to search.
      (error) => ({ name: `${response.url()} (no body: ${error.message})`, body: Buffer.alloc(0) }),
    );
    pending.push(body);
  });
  return { bodies: () => Promise.all(pending) };
}

/**
 * Runs in the page before its scripts: hashes each buffer over 1 KiB that a worker sends, in `window.receivedHashes`,
 * and keeps the text of every message in `window.receivedTexts`.
 */
export function hashWorkerMessages() {
  window.receivedHashes = [];
  window.receivedTexts = [];
  const hash = async (bytes) =>
    Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), (b) =>
      b.toString(16).padStart(2, "0"),
    ).join("");
  const visit = (value) => {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer ?? value, value.byteOffset ?? 0, value.byteLength).slice();
      if (bytes.length > 1024) window.receivedHashes.push(hash(bytes));
      else window.receivedTexts.push(String(Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("")));
    } else if (value && typeof value === "object") {
      for (const inner of Object.values(value)) visit(inner);
    } else if (typeof value === "string") {
      window.receivedTexts.push(value);
    }
  };
  const Original = window.Worker;
  window.Worker = class extends Original {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", (event) => visit(event.data));
    }
  };
}
