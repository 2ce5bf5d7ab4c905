// What a thief's hooks on the page's functions get hold of: nothing clear at the sealed level, all of the media at the guarded one, and no key at either.
import { join } from "node:path";
import { ClearMedia, clearForm } from "../faults/lib/clear-media.mjs";
import { sharedClip } from "./lib/clips.mjs";
import { countByHook, hookedContext, whatPassed } from "./lib/hooked-page.mjs";
import { reveal, start } from "./lib/installation.mjs";
import { leak } from "./lib/leaky-page.mjs";
import { atLevel, expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";
import { publishedSegments } from "./lib/published.mjs";
import { findSecrets, secretsOf } from "./lib/search.mjs";
import { askWorker, chooseNoQuality, firstLoad, sayOddThings } from "./lib/seized-worker.mjs";

const fileIdOf = (playerUrl) => new URLSearchParams(new URL(playerUrl).hash.slice(1)).get("file");
const at = (video) => video.evaluate((element) => element.currentTime);
const playsFrom = (video, from, secs) =>
  expect.poll(() => at(video), { timeout: 60_000, message: `plays from ${from}` }).toBeGreaterThan(from + secs);

const withKeys = (secrets, contents) =>
  contents.flatMap(({ hooks, body }) => findSecrets(secrets, [{ name: hooks.join(", "), body }]));

for (const container of ["fmp4", "ts"]) {
  test.describe(`${container}`, () => {
    let keyveil;
    let secrets;
    let known;

    test.beforeAll(async () => {
      test.setTimeout(900_000);
      keyveil = await start(sharedClip("mp4", { secs: 30 }), { workflow: { container } });
      const fileId = fileIdOf(keyveil.playerUrl);
      const keys = reveal(keyveil.data, fileId);
      secrets = secretsOf(keys);
      known = new ClearMedia();
      const segments = [...publishedSegments(join(keyveil.data, "media", fileId), keys)];
      for (const { clear } of segments) known.add(clear);
      for (const { path, clear, ciphertext } of segments) {
        expect(known.find(clear), `${path} is known`).not.toBe(-1);
        expect(known.find(ciphertext), `${path} is not clear as it is published`).toBe(-1);
      }
    });

    test.afterAll(() => keyveil?.stop());

    test("hooks see clear media at the guarded level only, and a key at none", async ({ browser, level }) => {
      const context = await hookedContext(browser);
      const page = await context.newPage();
      await page.goto(atLevel(keyveil.playerUrl));
      const video = page.locator("keyveil-player video");
      await play(video);
      await video.evaluate((element) => {
        element.playbackRate = 2;
      });
      // The period changes at 8 s.
      await playsFrom(video, 0, 10.5);
      await video.evaluate((element) => {
        element.currentTime = 20;
      });
      await playsFrom(video, 20, 2);
      const { hooks, contents } = await whatPassed(page);
      await context.close();

      const clear = countByHook(contents, (body) => known.find(body) !== -1);
      const calls = Object.fromEntries(Object.entries(hooks).map(([name, hook]) => [name, hook.calls]));
      await test.info().attach("hooks", { body: JSON.stringify({ hooks, clear }), contentType: "application/json" });
      expect(withKeys(secrets, contents), "no key passed").toEqual([]);
      // The hooks were there: what a page does at any level passed them.
      for (const name of ["Worker constructor", "Worker.postMessage", "Worker message", "Array.join"])
        expect(calls[name], name).toBeGreaterThan(0);
      if (level === "sealed") {
        expect(clear, "clear media by hook").toEqual({});
        expect(countByHook(contents, (body) => clearForm(body) !== null)).toEqual({});
        expect(hooks["Worker message"].binaries, "buffers and blobs from workers").toBe(0);
        expect(hooks["HTMLMediaElement.srcObject"].kinds.MediaSourceHandle).toBeGreaterThan(0);
        expect(hooks["URL.createObjectURL"].kinds).toEqual({});
        expect(calls["MediaSource.addSourceBuffer"]).toBe(0);
        expect(calls["SourceBuffer.appendBuffer"]).toBe(0);
      } else {
        // The same hooks, so that what they miss is not taken for something that is not there.
        for (const name of ["SourceBuffer.appendBuffer", "Worker message", "Worker.postMessage"])
          expect(clear[name], `clear media in ${name}`).toBeGreaterThan(0);
        const typed = Object.keys(clear).filter((name) => name.startsWith("TypedArray"));
        expect(typed, "clear media in typed arrays").not.toEqual([]);
        expect(calls["MediaSource.addSourceBuffer"]).toBeGreaterThan(0);
        expect(hooks["URL.createObjectURL"].kinds.MediaSource).toBeGreaterThan(0);
      }
    });

    test("the same hooks find a key in a page that leaks it, each of them", async ({ browser }) => {
      const context = await hookedContext(browser);
      const page = await context.newPage();
      const { name, hex } = secrets.at(-1);
      await leak(page, hex);
      const { hooks, contents } = await whatPassed(page);
      await context.close();
      const found = countByHook(contents, (body) => findSecrets([{ name, hex }], [{ name, body }]).length > 0);
      expect(Object.keys(hooks).length).toBeGreaterThan(40);
      expect(Object.keys(hooks).filter((hook) => !found[hook])).toEqual([]);
    });

    test("a seized worker hands out media at the guarded level only, and plays on whatever it is told", async ({
      browser,
      level,
    }) => {
      const context = await hookedContext(browser);
      const guarded = await context.newPage();
      await guarded.goto(`${keyveil.playerUrl}&level=guarded`);
      await play(guarded.locator("keyveil-player video"));
      await playsFrom(guarded.locator("keyveil-player video"), 0, 1);
      const load = await firstLoad(guarded);
      await guarded.close();

      const page = await context.newPage();
      await page.goto(atLevel(keyveil.playerUrl));
      const video = page.locator("keyveil-player video");
      await play(video);
      await playsFrom(video, 0, 1);
      const workers = () => page.evaluate(() => window.pageHooks.workers.length);
      const before = await workers();
      const other = level === "sealed" ? "guarded" : "sealed";
      const psign = new URLSearchParams(new URL(keyveil.playerUrl).hash.slice(1)).get("psign");
      const downgrade = other === "guarded" ? "application" : null;

      const played = await askWorker(page, { type: "play", psign, level: other, downgrade });
      expect(played).toMatchObject({ type: "failed", error: { code: "malformed_request" } });
      const answer = await askWorker(page, load);
      if (level === "sealed") {
        expect(answer).toMatchObject({ type: "failed", error: { code: "malformed_request" } });
      } else {
        expect(answer).toMatchObject({ type: "segment", status: 200 });
        expect(known.find(Buffer.from(answer.bytes, "base64")), "it is a clear segment").not.toBe(-1);
      }
      const seconds = await at(video);
      await sayOddThings(page);
      // Once more: nothing of that has opened the worker.
      expect((await askWorker(page, load)).type).toBe(level === "sealed" ? "failed" : "segment");
      await playsFrom(video, seconds, 4);
      expect(await workers(), "the worker did not have to be replaced").toBe(before);
      const then = await at(video);
      await chooseNoQuality(page);
      await playsFrom(video, then, 2);
      expect((await askWorker(page, load)).type).toBe(level === "sealed" ? "failed" : "segment");
      const { hooks, contents } = await whatPassed(page);
      await context.close();
      expect(withKeys(secrets, contents), "no key passed").toEqual([]);
      if (level === "sealed") {
        expect(countByHook(contents, (body) => known.find(body) !== -1)).toEqual({});
        expect(hooks["Worker message"].binaries, "buffers and blobs from workers").toBe(0);
      }
    });
  });
}
