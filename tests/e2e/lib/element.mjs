// A `<keyveil-player>` as a page of one's own would have it, on a page of the installation.
import { levelAttribute } from "./levels.mjs";

/**
 * Replaces what plays by an element with the id `own` and that signature, and keeps its events in `window.told`. Where the page has a
 * function `signFor`, it is asked for signatures instead. hls.js loads `bufferSecs` ahead: a small title is else here at once.
 */
export async function embed(page, keyveil, psign, { attributes = {}, html = "", bufferSecs = 600 } = {}) {
  // With a link, be it to nothing, the page fetches the element; the query makes it a new page each time.
  await page.goto(`${keyveil.origin}/player/?${Math.random()}#file=none&psign=none`);
  // Asked again and again: Chromium may drop a promise that a page waits for.
  await page.waitForFunction(() => customElements.get("keyveil-player") !== undefined);
  await page.evaluate(
    ({ psign, attributes, html, bufferSecs }) => {
      document.body.replaceChildren();
      const element = document.createElement("keyveil-player");
      const all = { server: location.origin, "worker-url": "/sdk/worker.js", psign };
      for (const [name, value] of Object.entries({ ...all, id: "own", ...attributes }))
        element.setAttribute(name, value);
      element.innerHTML = html;
      element.hls = { maxMaxBufferLength: bufferSecs };
      if (window.signFor) element.getSignature = ({ reason }) => window.signFor(reason);
      window.told = [];
      for (const type of ["title", "state", "segment", "signature", "error", "previewend", "ended"]) {
        element.addEventListener(type, ({ detail }) => {
          const said = type === "error" ? { code: detail.code, fatal: detail.fatal } : detail;
          window.told.push({ type, detail: JSON.parse(JSON.stringify(said)) });
        });
      }
      document.body.append(element);
    },
    { psign, attributes: { ...levelAttribute(), ...attributes }, html, bufferSecs },
  );
  return page.locator("#own");
}

/** The details of the events of one type that the element has sent so far. */
export const told = (page, type) =>
  page.evaluate((wanted) => window.told.filter((one) => one.type === wanted).map(({ detail }) => detail), type);

export const sign = async (keyveil, fileId, claims) =>
  (await keyveil.api("POST", "/v1/player-signatures", { fileId, ...claims })).psign;

export const fileIdOf = (keyveil) => new URLSearchParams(new URL(keyveil.playerUrl).hash.slice(1)).get("file");
