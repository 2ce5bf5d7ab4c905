// What viewers and applications do to a player at its worst, at each level, with plain hls.js on the same clip as the control: what the
// control comes through, every level has to. `npm run stress` does all of it; Playwright by itself fewer repetitions.
import { expect, test } from "@playwright/test";
import { sharedClip } from "./lib/clips.mjs";
import { counts, heapOf } from "./lib/stage/heap.mjs";
import { seeded } from "./lib/stage/seeded.mjs";
import { openStage, PLAYERS } from "./lib/stage/stage.mjs";
import { openTabs } from "./lib/stage/tabs.mjs";

const FULL = process.env.KEYVEIL_STRESS === "full";
const SEEKS = 20;
const SWITCHES = FULL ? 50 : 10;
const ATTACHES = FULL ? 100 : 10;
/** Media that plays while its tab is in the background; more than is buffered when it goes there. */
const HIDDEN_SECS = FULL ? 75 : 40;

const CLIP_SECS = 100;
const LADDER = {
  kind: "rungs",
  rungs: [
    { edge: 180, videoBitRate: 300_000 },
    { edge: 240, videoBitRate: 500_000 },
  ],
};
/** The better quality needs 80 kB/s: this is enough, and not much more. */
const THROTTLED_BYTES_PER_SEC = 160_000;
/** Workers while it plays: hls.js' own, the decryptor (fMP4 needs no other), the one that does everything. */
const WORKERS = { plain: 1, guarded: 1, sealed: 1 };

let stage;
/** What the control showed, by test. */
const control = new Map();

test.beforeAll(async () => {
  test.setTimeout(900_000);
  const clip = sharedClip("mp4", { secs: CLIP_SECS, size: "426x240", name: "stress" });
  stage = await openStage(clip, { workflow: { ladder: LADDER } });
});

test.afterEach(() => {
  stage.gate.rate = null;
  stage.gate.replace = () => null;
});

test.afterAll(async () => {
  const ended = await stage?.stop();
  expect(ended?.code, "npm start ends cleanly when interrupted").toBe(0);
});

async function playing(page, player, name) {
  await page.goto(await stage.address(player, name));
  await page.evaluate(async () => {
    await window.stage.prepare();
    window.stage.attach();
    await window.stage.behind(1);
  });
  await expectSound(page);
  expect(page.workers(), "what plays is what was asked for").toHaveLength(WORKERS[player]);
}

const expectSound = async (page) =>
  expect(await page.evaluate(() => window.stage.errors.filter(({ fatal }) => fatal))).toEqual([]);

/** Plays `secs` on from `from`, as often stopped as the control at most; a busy machine may stop each once. */
async function expectPlaysOn(page, player, what, from, secs) {
  const played = await page.evaluate(([from, secs]) => window.stage.playsOn(from, secs), [from, secs]);
  await expectSound(page);
  expect(played.isThere, `plays from ${from}`).toBe(true);
  expect(played.paused).toBe(false);
  console.log(`${what}, ${player}: settled after ${Math.round(played.settledMs)} ms, ${played.stalls} stalls`);
  if (player === "plain") control.set(what, played.stalls);
  else expect(played.stalls, "stalls that the control does not have").toBeLessThanOrEqual((control.get(what) ?? 0) + 1);
}

for (const player of PLAYERS) {
  test(`${player}: ${SEEKS} fast seeks end where the last one went`, async ({ page }) => {
    await playing(page, player);
    const random = seeded("seeks");
    const places = Array.from({ length: SEEKS }, () => 2 + random() * (CLIP_SECS - 20));
    await page.evaluate(async (all) => {
      for (const [at, secs] of all.entries()) {
        window.stage.video.currentTime = secs;
        // Some before the one before has begun, some in the middle of it, some after.
        await new Promise((resolve) => setTimeout(resolve, (at % 4) * 60));
      }
    }, places);
    const last = places.at(-1);
    await expectPlaysOn(page, player, "fast seeks", last, 6);
    const { landed } = await page.evaluate(() => window.stage.seen);
    expect(landed).toBeGreaterThan(last - 0.5);
    expect(landed).toBeLessThan(last + 0.5);
  });

  test(`${player}: ${SWITCHES} changes of quality on a slow link play on`, async ({ page }) => {
    stage.gate.rate = THROTTLED_BYTES_PER_SEC;
    await playing(page, player);
    const random = seeded("switches");
    const waits = Array.from({ length: SWITCHES }, () => 50 + random() * 400);
    const height = await page.evaluate(async (all) => {
      const ids = window.stage.qualities();
      for (const [at, ms] of all.entries()) {
        window.stage.choose(ids[at % ids.length].id);
        await new Promise((resolve) => setTimeout(resolve, ms));
      }
      return ids[(all.length - 1) % ids.length].height;
    }, waits);
    const at = await page.evaluate(() => window.stage.video.currentTime);
    await expectPlaysOn(page, player, "changes of quality", at, 8);
    await expect.poll(() => page.evaluate(() => window.stage.video.videoHeight), { timeout: 60_000 }).toBe(height);
  });

  test(`${player}: a segment that can't be decoded is recovered from, where it was`, async ({ page }) => {
    let damaged = 0;
    stage.gate.replace = (path, bytes) => {
      if (damaged > 0 || !/\/v\d+p\/seg-00014\.m4s$/.test(path)) return null;
      damaged += 1;
      return stage.damaged(path, bytes);
    };
    await playing(page, player);
    // Buffered are 20 s: playback has gone some way when the segment of 28 s comes.
    const seen = () => page.evaluate(() => window.stage.seen);
    await expect.poll(async () => (await seen()).renewals.length, { timeout: 60_000 }).toBeGreaterThan(0);
    expect(damaged).toBe(1);
    const [{ left, back }] = (await seen()).renewals;
    expect(left).toBeGreaterThan(4);
    expect(Math.abs(back - left), `left at ${left}, back at ${back}`).toBeLessThan(1);
    // The browser pauses what fails. hls.js leaves it so; the SDK's players go on.
    if (player === "plain") await page.evaluate(() => window.stage.video.play());
    await expectPlaysOn(page, player, "recovery", back, 4);
    await page.evaluate(() => {
      window.stage.video.currentTime = 27;
    });
    await expectPlaysOn(page, player, "what was damaged", 27, 6);
    // hls.js takes one trouble for two now and then, wherever it runs: at most one more source than is needed.
    expect(await page.evaluate(() => window.stage.seen.emptied)).toBeLessThanOrEqual(2);
  });

  if (player !== "plain")
    test(`${player}: what was paused stays so when a segment can't be decoded`, async ({ page }) => {
      await playing(page, player);
      await page.evaluate(() => window.stage.video.pause());
      let damaged = 0;
      stage.gate.replace = (path, bytes) => {
        if (damaged > 0 || !/\/v\d+p\/seg-000(29|3\d)\.m4s$/.test(path)) return null;
        damaged += 1;
        return stage.damaged(path, bytes);
      };
      await page.evaluate(() => {
        window.stage.video.currentTime = 60;
      });
      const seen = () => page.evaluate(() => window.stage.seen);
      await expect.poll(async () => (await seen()).renewals.length, { timeout: 60_000 }).toBe(1);
      await page.waitForTimeout(2000);
      const [paused, at] = await page.evaluate(() => [window.stage.video.paused, window.stage.video.currentTime]);
      expect(paused).toBe(true);
      expect(Math.abs(at - 60)).toBeLessThan(1);
      await expectSound(page);
    });

  test(`${player}: plays on in a background tab`, async () => {
    const tabs = await openTabs();
    try {
      const tab = await tabs.open(await stage.address(player));
      await expect.poll(() => tab.evaluate("typeof stage"), { timeout: 30_000 }).toBe("object");
      await tab.evaluate("stage.prepare().then(() => { stage.attach(); return stage.behind(1); })");
      // Chromium stops the picture of what is mute.
      await tab.evaluate("stage.video.muted = false, stage.video.playbackRate = 2, document.visibilityState");
      await tabs.open("about:blank");
      await expect.poll(() => tab.evaluate("document.visibilityState")).toBe("hidden");
      const from = await tab.evaluate("stage.video.currentTime");
      const hidden = await tab.evaluate(`stage.playsOn(${from}, ${HIDDEN_SECS})`);
      expect(hidden.isThere).toBe(true);
      expect(await tab.evaluate("document.visibilityState")).toBe("hidden");
      await tab.front();
      await expect.poll(() => tab.evaluate("document.visibilityState")).toBe("visible");
      const back = await tab.evaluate("stage.video.currentTime");
      expect(back).toBeGreaterThan(from + HIDDEN_SECS);
      const shown = await tab.evaluate(`stage.playsOn(${back}, 4)`);
      expect(shown).toMatchObject({ isThere: true, paused: false });
      expect(await tab.evaluate("stage.errors.filter(({ fatal }) => fatal)")).toEqual([]);
      console.log(`background, ${player}: ${hidden.stalls} stalls hidden, ${shown.stalls} when back`);
    } finally {
      await tabs.close();
    }
  });

  for (const name of player === "plain" ? ["plain"] : ["keyveil", "element"]) {
    test(`${player}: ${ATTACHES} times attached and detached leave nothing (${name})`, async ({ page }) => {
      test.setTimeout(900_000);
      await playing(page, player, name);
      const cycles = (count, seed) => {
        const random = seeded(seed);
        const lives = Array.from({ length: count }, (_, at) => (at % 3 === 0 ? null : random() * 600));
        return page.evaluate(async (all) => {
          const { stage } = window;
          for (const ms of all) {
            stage.detach();
            await new Promise((resolve) => setTimeout(resolve, 20));
            stage.attach();
            // Every third time it plays; the others end somewhere on the way.
            await (ms === null ? stage.behind(0.2) : new Promise((resolve) => setTimeout(resolve, ms)));
          }
          stage.detach();
        }, lives);
      };
      const settled = async () => {
        await expect.poll(() => page.workers().length, { timeout: 30_000 }).toBe(0);
        return { heap: await heapOf(page), ...(await counts(page)) };
      };
      await cycles(ATTACHES / 5, "warm");
      const before = await settled();
      await page.evaluate(() => window.stage.attach());
      await cycles(ATTACHES, "attaches");
      const after = await settled();
      await expectSound(page);
      console.log(
        `attached ${ATTACHES} times, ${player} (${name}): ${JSON.stringify(before)} → ${JSON.stringify(after)}`,
      );
      expect(after.blobUrls).toBe(0);
      expect(after.listeners - before.listeners, "listeners").toBeLessThan(ATTACHES);
      expect(after.nodes - before.nodes, "nodes").toBeLessThan(ATTACHES);
      expect(after.heap - before.heap, "heap").toBeLessThan(1 << 20);
      await page.evaluate(async () => {
        window.stage.attach();
        await window.stage.behind(1);
      });
      expect(page.workers()).toHaveLength(WORKERS[player]);
    });
  }
}
