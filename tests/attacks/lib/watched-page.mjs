// A page of Playwright's whose exchanges of keys are kept, and what a thief does to have it play.
import { expect } from "@playwright/test";
import { play } from "../../e2e/lib/play.mjs";

/** Call before the page plays; `exchanges()` is what `secretsOfExchanges` takes. */
export function watchExchanges(context) {
  const pending = [];
  context.on("response", (response) => {
    const [path] = response.url().match(/\/v1\/(?:play|keys)$/) ?? [];
    const request = response.request();
    if (!path || request.method() !== "POST" || !response.ok()) return;
    const mac = request.headers()["keyveil-mac"];
    const taken = response.text().then((text) => ({ path, request: request.postData(), mac, response: text }));
    pending.push(taken);
  });
  return async () => {
    const exchanges = await Promise.all(pending);
    for (const path of ["/v1/play", "/v1/keys"])
      expect(exchanges.filter((one) => one.path === path).length, `${path} was watched`).toBeGreaterThan(0);
    return exchanges;
  };
}

export const at = (video) => video.evaluate((element) => element.currentTime);

export const playsFrom = (video, from, secs) =>
  expect.poll(() => at(video), { timeout: 60_000, message: `plays from ${from}` }).toBeGreaterThan(from + secs);

/** Through a change of period, which is at 8 s, and after a seek. */
export async function playThrough(page, { rate = 3 } = {}) {
  const video = page.locator("video");
  await play(video);
  await video.evaluate((element, fast) => {
    element.playbackRate = fast;
  }, rate);
  await playsFrom(video, 0, 10.5);
  await video.evaluate((element) => {
    element.currentTime = 20;
  });
  await playsFrom(video, 20, 2);
  return video;
}
