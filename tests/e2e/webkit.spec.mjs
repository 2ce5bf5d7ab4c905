// Playback in WebKitGTK, whose MediaSource and decoders (GStreamer's) are neither Chromium's nor Firefox'.
import { sharedSubtitledClip } from "./lib/clips.mjs";
import { fileIdOf, sign } from "./lib/element.mjs";
import { start } from "./lib/installation.mjs";
import { atLevel, expect, test } from "./lib/levels.mjs";
import { startWebKit } from "./lib/webkit.mjs";

let keyveil;
let webkit;

test.beforeAll(async () => {
  test.setTimeout(900_000);
  keyveil = await start(sharedSubtitledClip({ secs: 24 }));
  webkit = await startWebKit();
});

test.afterAll(async () => {
  await webkit?.close();
  await keyveil?.stop();
});

/** What the function body `script` gives, with the element and its video at hand. */
const inPage = (script, ...args) =>
  webkit.run(
    `const player = document.querySelector("keyveil-player"); const video = player && player.video; ${script}`,
    ...args,
  );

const property = (name) => inPage("return video ? video[arguments[0]] : null", name);
const seek = (secs) => inPage("video.currentTime = arguments[0]", secs);
const playsFrom = (from, secs) =>
  expect
    .poll(() => property("currentTime"), { timeout: 60_000, message: `plays from ${from}` })
    .toBeGreaterThan(from + secs);

/** Opens the player page, as a fresh document, with a signature of those claims, and plays. */
async function watch(claims) {
  await webkit.open("about:blank");
  const fileId = fileIdOf(keyveil);
  const psign = await sign(keyveil, fileId, claims);
  await webkit.open(atLevel(`${keyveil.origin}/player/#file=${fileId}&psign=${psign}`));
  await expect.poll(() => property("readyState"), { timeout: 60_000 }).toBeGreaterThan(1);
  await inPage("video.muted = true; video.play().catch(() => {})");
}

test("plays through two period changes, seeks back and forth, and switches quality", async () => {
  await watch({});
  // Segments are 2 s, periods 4 segments: periods change at 8 s and at 16 s.
  await playsFrom(0, 17);
  await seek(2);
  await playsFrom(2, 1);
  expect(await property("currentTime")).toBeLessThan(17);
  await seek(18);
  await playsFrom(18, 1);
  const before = await property("videoHeight");
  await seek(4);
  await inPage(
    "player.player.quality = player.player.qualities.find(({ height }) => height !== arguments[0]).id",
    before,
  );
  await expect.poll(() => property("videoHeight"), { timeout: 60_000 }).toBe(before === 360 ? 480 : 360);
  await playsFrom(4, 4);
  expect(
    await inPage("return video.getVideoPlaybackQuality().totalVideoFrames"),
    "frames were decoded",
  ).toBeGreaterThan(25);
  expect(await property("error")).toBeNull();
});

test("shows the lines of encrypted subtitles, and reaches the end", async () => {
  await watch({});
  const cues = () =>
    inPage(`return Array.from(video.textTracks).flatMap((track) => {
      if (track.kind !== "subtitles" && track.kind !== "captions") return [];
      if (track.mode === "disabled") track.mode = "hidden";
      return Array.from(track.cues ?? [], (cue) => [cue.text, Math.round(cue.startTime)]);
    })`);
  await expect.poll(cues, { timeout: 30_000 }).toEqual([
    ["The first line", 1],
    ["The second line", 10],
  ]);
  await seek(22);
  await expect.poll(() => property("ended"), { timeout: 30_000 }).toBe(true);
});

test("ends a preview where the signature says", async () => {
  await watch({ previewSecs: 9 });
  expect(Math.abs((await property("duration")) - 10)).toBeLessThan(0.2);
  await seek(9);
  await expect.poll(() => property("ended"), { timeout: 30_000 }).toBe(true);
  const overlay = 'player.shadowRoot.querySelector("[part=previewend]")';
  expect(await inPage(`return ${overlay}.textContent`)).toContain("The preview has ended.");
  expect(await inPage(`return ${overlay}.checkVisibility()`)).toBe(true);
});

test("says why it does not play what is not signed, and shows nothing", async () => {
  await webkit.open("about:blank");
  await webkit.open(atLevel(`${keyveil.origin}/player/#file=${fileIdOf(keyveil)}&psign=not-a-signature`));
  const code = () => webkit.run('return document.querySelector("[data-code]")?.dataset.code ?? null');
  await expect.poll(code, { timeout: 60_000 }).toBe("psign_malformed");
  expect(await property("videoWidth")).toBe(0);
});
