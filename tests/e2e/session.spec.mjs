// A session's life in the page: signatures renewed before they end, subtitles and MPEG-TS decrypted like the rest, the end reached.
import { sharedClip, sharedSubtitledClip } from "./lib/clips.mjs";
import { start } from "./lib/installation.mjs";
import { atLevel, expect, levelAttribute, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

let keyveil;
let fileId;
let appId;

test.beforeAll(async () => {
  test.setTimeout(900_000);
  keyveil = await start(sharedSubtitledClip({ secs: 24, size: "640x360" }), { workflow: { container: "ts" } });
  const fragment = new URLSearchParams(new URL(keyveil.playerUrl).hash.slice(1));
  fileId = fragment.get("file");
  appId = JSON.parse(Buffer.from(fragment.get("psign").split(".")[1], "base64url")).appId;
});

test.afterAll(async () => {
  await keyveil?.stop();
});

test("MPEG-TS plays to its end, and encrypted subtitles show their lines", async ({ page }) => {
  await page.goto(atLevel(keyveil.playerUrl));
  const video = page.locator("keyveil-player video");
  await play(video);
  const cues = () =>
    video.evaluate((element) =>
      Array.from(element.textTracks)
        .filter((track) => track.kind === "subtitles" || track.kind === "captions")
        .flatMap((track) => {
          if (track.mode === "disabled") track.mode = "hidden";
          return Array.from(track.cues ?? [], (cue) => [cue.text, Math.round(cue.startTime)]);
        }),
    );
  await expect.poll(cues, { timeout: 30_000 }).toEqual([
    ["The first line", 1],
    ["The second line", 10],
  ]);
  await video.evaluate((element) => {
    element.currentTime = 20;
  });
  await expect.poll(() => video.evaluate((element) => element.ended), { timeout: 30_000 }).toBe(true);
});

test("a signature of 10 s is renewed by getSignature, and playback goes on beyond it", async ({
  page,
  browserName,
}) => {
  const reasons = [];
  await page.exposeBinding("signFor", (_source, reason) => {
    reasons.push(reason);
    return keyveil.keyServer("sign", "--app", String(appId), "--file", fileId, "--expires-in", "10s").trim();
  });
  const renewals = [];
  page.context().on("response", (response) => {
    if (response.url().endsWith("/v1/keys") && response.request().postDataJSON()?.psign)
      renewals.push(response.status());
  });
  await page.goto(atLevel(keyveil.playerUrl));
  await page.evaluate(
    async (own) => {
      await customElements.whenDefined("keyveil-player");
      document.querySelector("keyveil-player")?.remove();
      const element = document.createElement("keyveil-player");
      const attributes = {
        server: location.origin,
        "worker-url": "/sdk/worker.js",
        id: "renewing",
        ...own,
      };
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      element.getSignature = ({ reason }) => window.signFor(reason);
      window.renewed = [];
      element.addEventListener("signature", ({ detail }) => window.renewed.push(detail.reason));
      document.body.prepend(element);
    },
    { "file-id": fileId, ...levelAttribute() },
  );
  const video = page.locator("#renewing video");
  await play(video);
  await page.waitForTimeout(13_000);
  expect(await video.evaluate((element) => element.error?.message ?? null)).toBeNull();
  // What is behind the first 10 s of wall time is asked for anew: the session must still be good.
  await video.evaluate((element) => {
    element.currentTime = 2;
    return element.play();
  });
  await expect.poll(() => video.evaluate((element) => element.currentTime), { timeout: 20_000 }).toBeGreaterThan(4);
  expect(reasons[0]).toBe("start");
  expect(reasons.filter((reason) => reason === "refresh").length).toBeGreaterThan(0);
  expect(await page.evaluate(() => window.renewed)).toContain("refresh");
  // Of Firefox, Playwright does not know what a request's body was.
  if (browserName === "firefox") return;
  expect(renewals.length, "the server was sent a newer signature").toBeGreaterThan(0);
  expect(new Set(renewals)).toEqual(new Set([200]));
});

test("a copied stream with long segments and audio with short ones, in periods far apart, plays with few exchanges", async ({
  page,
}) => {
  test.setTimeout(300_000);
  // Ten seconds between keyframes: video changes its period every 20 s, audio every 4 s.
  const clip = sharedClip("mp4", { secs: 60, size: "320x180" });
  const copied = await start(clip, { workflow: { periodSegments: 2, ladder: { kind: "copy" } } });
  try {
    let exchanges = 0;
    page.context().on("request", (request) => {
      if (request.url().endsWith("/v1/keys")) exchanges++;
    });
    await page.goto(atLevel(copied.playerUrl));
    const video = page.locator("keyveil-player video");
    await play(video);
    await video.evaluate((element) => {
      element.playbackRate = 4;
    });
    await expect.poll(() => video.evaluate((element) => element.ended), { timeout: 60_000 }).toBe(true);
    // 15 periods, of which a grant brings two.
    expect(exchanges).toBeLessThanOrEqual(15);
    expect(exchanges).toBeGreaterThan(3);
  } finally {
    await copied.stop();
  }
});
