// Keyveil's worker in the hands of page code that got hold of it: the hooks of page-hooks.mjs keep every Worker that the page makes.

/** Its address; hls.js has workers, too. */
const OURS = "/worker[^/]*\\.js$";

/** The first segment that a guarded page asked its worker for, as it asked. */
export async function firstLoad(page) {
  const loads = await page.evaluate(() => window.pageHooks.posted);
  return loads[0];
}

let nextId = 900_000;

/** Posts `message` under an id of its own, and gives the answer; the bytes of a segment in base64. */
export function askWorker(page, message) {
  nextId += 1;
  return page.evaluate(
    ([message, ours]) =>
      new Promise((resolve) => {
        const { worker } = window.pageHooks.workers.findLast(({ url }) => new RegExp(ours).test(url));
        const answered = ({ data }) => {
          if (data.id !== message.id || data.type === "progress") return;
          worker.removeEventListener("message", answered);
          resolve(data.bytes ? { ...data, bytes: new Uint8Array(data.bytes).toBase64() } : data);
        };
        worker.addEventListener("message", answered);
        worker.postMessage(message);
      }),
    [{ ...message, id: nextId }, OURS],
  );
}

/** What no page of ours says: a second `init`, ids that there are not, and what is no message at all. */
export function sayOddThings(page) {
  return page.evaluate((ours) => {
    const { worker } = window.pageHooks.workers.findLast(({ url }) => new RegExp(ours).test(url));
    const ids = [1e9, 0.5, Number.NaN, "0", "__proto__", null, undefined, { id: 0 }];
    worker.postMessage({ type: "init", server: "https://elsewhere.example", credentials: "omit" });
    for (const type of ["engine-subtitle-track", "reopened", "abort"])
      for (const id of ids) worker.postMessage({ type, id, error: null });
    worker.postMessage({ type: "engine-quality", id: "0" });
    worker.postMessage({ type: "video", generation: -1, event: "ended", snapshot: {} });
    for (const type of ["segment", "media", "give", "constructor", "", 7, null]) worker.postMessage({ type, id: 1 });
    worker.postMessage({});
  }, OURS);
}

/** Chooses a quality that there is not. A worker that dies of it is replaced, once. */
export function chooseNoQuality(page) {
  return page.evaluate((ours) => {
    const { worker } = window.pageHooks.workers.findLast(({ url }) => new RegExp(ours).test(url));
    worker.postMessage({ type: "engine-quality", id: 1e9 });
  }, OURS);
}
