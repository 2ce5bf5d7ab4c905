// Starts playback as a user's click would, muted.
import { expect } from "@playwright/test";

export async function play(video) {
  // Before there is something to play, a load that is still to come would interrupt it.
  await expect.poll(() => video.evaluate((element) => element.readyState), { timeout: 60_000 }).toBeGreaterThan(1);
  await video.evaluate((element) => {
    element.muted = true;
    return element.play();
  });
}
