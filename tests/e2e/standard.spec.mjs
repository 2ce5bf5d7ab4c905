// Standard titles: players that know nothing of Keyveil play them with a token, and without one they don't.
import { spawnSync } from "node:child_process";
import { expect, test } from "@playwright/test";
import { sharedClip } from "./lib/clips.mjs";
import { start } from "./lib/installation.mjs";
import { servePlainPlayers } from "./lib/plain-players.mjs";
import { play } from "./lib/play.mjs";

const PARAMETER = "MtsHlsUriToken";
const SECS = 30;

for (const container of ["fmp4", "ts"]) {
  test.describe(container, () => {
    test.describe.configure({ mode: "serial" });
    let appId;
    let fileId;
    let keyveil;
    let players;

    test.beforeAll(async () => {
      test.setTimeout(900_000);
      players = await servePlainPlayers();
      keyveil = await start(sharedClip("mp4", { secs: SECS }), {
        workflow: { container, mode: "standard" },
      });
      fileId = new URLSearchParams(new URL(keyveil.playerUrl).hash.slice(1)).get("file");
      ({ appId } = await keyveil.api("GET", `/v1/titles/${fileId}`));
      await keyveil.api("PATCH", `/v1/apps/${appId}`, { domains: [`127.0.0.1:${players.port}`] });
    });

    test.afterAll(async () => {
      // The application is that of other specs, too.
      await keyveil?.api("PATCH", `/v1/apps/${appId}`, { domains: [] });
      const ended = await keyveil?.stop();
      await players?.close();
      expect(ended?.code, "it ends cleanly when interrupted").toBe(0);
    });

    /** The one address of the title. */
    const entry = async () => {
      const { psign } = await keyveil.api("POST", "/v1/player-signatures", { fileId });
      return `${keyveil.origin}/v1/hls/${fileId}.m3u8?${PARAMETER}=${psign}`;
    };

    /** The same title's playlist without a token, and with one that is none. */
    const refused = async () => {
      const { psign } = await keyveil.api("POST", "/v1/player-signatures", { fileId });
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(`${keyveil.origin}/v1/play`, {
        method: "POST",
        headers,
        body: JSON.stringify({ psign }),
      });
      const { playlistUrl } = await answer.json();
      const [bare, query] = playlistUrl.split("?");
      expect(query).toMatch(new RegExp(`^${PARAMETER}=.{66}$`));
      return { "without a token": bare, "with an altered token": `${playlistUrl.slice(0, -4)}AAAA` };
    };

    for (const player of ["hls", "shaka"]) {
      test(`${player} plays through periods, seeks and switches quality`, async ({ page }) => {
        const keys = new Map();
        page.on("response", (response) => {
          const found = new URL(response.url()).pathname.match(/^\/v1\/hls-keys\/[^/]+\/([A-Z]+\/\d+)$/);
          if (found) keys.set(found[1], response.status());
        });
        await page.goto(players.page(player, await entry()));
        const video = page.locator("video");
        const at = () => video.evaluate((element) => element.currentTime);
        const playsFrom = async (from, secs) =>
          expect.poll(at, { timeout: 60_000, message: `plays from ${from}` }).toBeGreaterThan(from + secs);
        const atRate = (rate) =>
          video.evaluate((element, rate) => {
            element.playbackRate = rate;
          }, rate);
        await play(video);
        await atRate(2);
        // Segments are 2 s, periods 4 segments: a period is 8 s.
        await playsFrom(0, 9);
        for (const to of [25, 17]) {
          await video.evaluate((element, secs) => {
            element.currentTime = secs;
          }, to);
          await playsFrom(to, 1);
        }
        await atRate(1);
        const heights = new Set([await video.evaluate((element) => element.videoHeight)]);
        await page.evaluate(
          (shown) => {
            if (window.hls) {
              window.hls.nextLevel = window.hls.levels.findIndex(({ height }) => height !== shown);
            } else {
              window.player.configure({ abr: { enabled: false } });
              window.player.selectVariantTrack(
                window.player.getVariantTracks().find(({ height }) => height !== shown),
                true,
              );
            }
          },
          [...heights][0],
        );
        const from = await at();
        await playsFrom(from, 4);
        heights.add(await video.evaluate((element) => element.videoHeight));
        expect([...heights].sort(), "both qualities were shown").toEqual([360, 480]);
        const frames = await video.evaluate((element) => element.getVideoPlaybackQuality().totalVideoFrames);
        expect(frames, "frames were really decoded").toBeGreaterThan(200);
        expect(await page.evaluate(() => window.errors.filter(({ fatal }) => fatal))).toEqual([]);
        const periods = new Set([...keys.keys()].filter((key) => key.startsWith("SD/")));
        expect(periods.size, "keys of several periods were asked for").toBeGreaterThanOrEqual(3);
        expect(new Set(keys.values()), "and given").toEqual(new Set([200]));
      });

      test(`${player} plays nothing without a token`, async ({ page }) => {
        for (const [name, address] of Object.entries(await refused())) {
          await page.goto("about:blank");
          await page.goto(players.page(player, address));
          const failed = () => page.evaluate(() => window.errors.some(({ status }) => status === 401));
          await expect.poll(failed, { timeout: 60_000, message: `${name}: the key is refused` }).toBe(true);
          const state = await page.locator("video").evaluate((element) => [element.readyState, element.currentTime]);
          expect(state[0], name).toBeLessThan(2);
          expect(state[1], name).toBe(0);
        }
      });

      test(`${player} plays nothing on a page of another domain`, async ({ page }) => {
        await page.goto(players.page(player, await entry(), "localhost"));
        await expect.poll(() => page.evaluate(() => window.errors.length), { timeout: 60_000 }).toBeGreaterThan(0);
        expect(await page.locator("video").evaluate((element) => element.readyState)).toBe(0);
      });
    }

    test("ffmpeg decodes every frame without an error, and none without a token", async () => {
      const decode = (address) => {
        const args = [
          "-v",
          "error",
          "-i",
          address,
          "-map",
          "0:v:0",
          "-map",
          "0:a:0",
          "-f",
          "null",
          "-progress",
          "-",
          "-",
        ];
        const ran = spawnSync("ffmpeg", args, { encoding: "utf8", timeout: 120_000 });
        const frames = [...ran.stdout.matchAll(/^frame=(\d+)$/gm)].at(-1);
        return { code: ran.status, said: ran.stderr, frames: Number(frames?.[1] ?? 0) };
      };
      expect(decode(await entry())).toEqual({ code: 0, said: "", frames: SECS * 25 });
      for (const [name, address] of Object.entries(await refused())) {
        const { frames, said } = decode(address);
        expect(frames, name).toBe(0);
        expect(said, name).not.toBe("");
      }
    });
  });
}
