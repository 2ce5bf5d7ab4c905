// The main job: `npm start -- FILE`, then the printed page plays in a real browser and its keys never show.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { sharedClip } from "./lib/clips.mjs";
import { binary, PACK_ARGS, start } from "./lib/installation.mjs";
import { atLevel, expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";
import { publishedSegments } from "./lib/published.mjs";
import { findSecrets, secretsOf } from "./lib/search.mjs";
import { shared } from "./lib/shared.mjs";
import { hashWorkerMessages, watchBodies } from "./lib/watch.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const fileIdOf = (playerUrl) => new URLSearchParams(new URL(playerUrl).hash.slice(1)).get("file");

for (const container of ["mp4", "webm"]) {
  test.describe(`${container}`, () => {
    test.describe.configure({ mode: "serial" });
    let clip;
    let keyveil;
    let keys;
    let received;

    test.beforeAll(async () => {
      test.setTimeout(900_000);
      clip = sharedClip(container, { secs: 30 });
      keyveil = await start(clip);
      keys = keyveil.reveal(fileIdOf(keyveil.playerUrl));
    });

    test.afterAll(async () => {
      const ended = await keyveil?.stop();
      expect(ended?.code, "it ends cleanly when interrupted").toBe(0);
    });

    test("plays 20 s through two period changes, seeks back and forth, and switches quality", async ({ browser }) => {
      const context = await browser.newContext();
      const watched = watchBodies(context);
      const page = await context.newPage();
      const errors = [];
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      await page.addInitScript(hashWorkerMessages);
      await page.goto(atLevel(keyveil.playerUrl));
      const video = page.locator("keyveil-player video");
      const at = () => video.evaluate((element) => element.currentTime);
      const playsFrom = async (from, secs) =>
        expect.poll(at, { timeout: 60_000, message: `plays from ${from}` }).toBeGreaterThan(from + secs);
      const atRate = (rate) =>
        video.evaluate((element, rate) => {
          element.playbackRate = rate;
        }, rate);

      await play(video);
      await atRate(2);
      // Segments are 2 s, periods 4 segments: periods change at 8 s and at 16 s.
      await playsFrom(0, 20.5);
      const startedAt = await at();
      await video.evaluate((element) => {
        element.currentTime = 2;
      });
      await playsFrom(2, 1);
      expect(await at()).toBeLessThan(startedAt);
      await video.evaluate((element) => {
        element.currentTime = 25;
      });
      await playsFrom(25, 1);
      await atRate(1);

      const heights = new Set([await video.evaluate((element) => element.videoHeight)]);
      await video.evaluate((element) => {
        element.currentTime = 10;
      });
      await page.locator("keyveil-player").evaluate((element) => {
        const { player, video } = element;
        player.quality = player.qualities.find(({ height }) => height !== video.videoHeight).id;
      });
      await playsFrom(10, 4);
      heights.add(await video.evaluate((element) => element.videoHeight));
      expect([...heights].sort(), "both qualities were shown").toEqual([360, 480]);
      const quality = await video.evaluate((element) => element.getVideoPlaybackQuality().totalVideoFrames);
      expect(quality, "frames were really decoded").toBeGreaterThan(300);
      expect(errors).toEqual([]);

      received = {
        hashes: await page.evaluate(() => Promise.all(window.receivedHashes)),
        texts: await page.evaluate(() => window.receivedTexts),
        bodies: await watched.bodies(),
      };
      await context.close();
    });

    test("each decrypted segment equals the clear segment byte for byte", async ({ level }) => {
      test.setTimeout(300_000);
      const clear = shared(`clear ${container}`, (folder) => {
        const out = join(folder, `clear ${container}`);
        execFileSync(binary("packager"), ["pack", clip, "--out", out, "--mode", "clear", ...PACK_ARGS], {
          stdio: "pipe",
        });
      });
      const clearTitle = join(
        clear,
        readdirSync(clear).find((name) => !name.startsWith(".")),
      );
      const privateTitle = await keyveil.mediaFolder(fileIdOf(keyveil.playerUrl));
      const known = new Set();
      let compared = 0;
      for (const { path, ciphertext, clear: decrypted } of publishedSegments(privateTitle, keys)) {
        const expected = readFileSync(join(clearTitle, path));
        expect(ciphertext.includes(expected.subarray(0, 32)), "the published segment is not clear").toBe(false);
        expect(sha256(decrypted), path).toBe(sha256(expected));
        known.add(sha256(expected));
        compared++;
      }
      expect(compared).toBeGreaterThan(40);
      if (level === "sealed") {
        expect(received.hashes, "nothing that could be media reached the page").toEqual([]);
      } else {
        expect(received.hashes.length, "segments reached the page").toBeGreaterThan(20);
        expect(
          received.hashes.filter((hash) => !known.has(hash)),
          "every one is a clear segment",
        ).toEqual([]);
      }
    });

    test("no key is in any body of that playback or in any message of its worker", async () => {
      const secrets = secretsOf(keys);
      expect(secrets.length).toBeGreaterThan(50);
      const names = received.bodies.map(({ name }) => name);
      for (const wanted of [/\/v1\/play$/, /\/v1\/keys$/, /\.m3u8$/, /\.m4s$/, /keyveil-[^/]+\.wasm$/, /worker\.js/]) {
        expect(names.filter((name) => wanted.test(name)).length, `${wanted} was captured`).toBeGreaterThan(0);
      }
      const empty = received.bodies.filter(({ name, body }) => body.length === 0 && !name.includes("(no body"));
      expect(empty).toEqual([]);
      const messages = { name: "worker messages", body: Buffer.from(received.texts.join("\n")) };
      expect(findSecrets(secrets, [...received.bodies, messages])).toEqual([]);
    });

    test("the same search finds the keys in a page that leaks them", async ({ browser }) => {
      const secrets = secretsOf(keys);
      const leaks = {
        "/key.json": JSON.stringify({ key: keys.segmentKeys[0].key }),
        "/key.bin": Buffer.from(keys.periodKeys[0].key, "hex"),
        "/key.b64": `x${Buffer.from(`z${keys.titleSecret}`).length}${Buffer.from(keys.titleSecret, "hex").toString("base64")}`,
      };
      const server = createServer((request, response) => {
        if (request.url === "/") response.setHeader("content-type", "text/html");
        response.end(request.url === "/" ? "<!doctype html><title>leaky</title>" : (leaks[request.url] ?? ""));
      });
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      const context = await browser.newContext();
      const watched = watchBodies(context);
      const page = await context.newPage();
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      for (const path of Object.keys(leaks))
        await page.evaluate((url) => fetch(url).then((r) => r.arrayBuffer()), path);
      const found = findSecrets(secrets, await watched.bodies());
      await context.close();
      server.close();
      for (const path of Object.keys(leaks))
        expect(
          found.some(({ where }) => where.endsWith(path)),
          path,
        ).toBe(true);
    });
  });
}
