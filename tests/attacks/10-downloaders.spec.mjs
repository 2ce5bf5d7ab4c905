// Generic downloaders with all that a page has: its own address, the playlist's, its cookies and its headers. N_m3u8DL-RE can't be had
// from a registry and was not run; what it does with a METHOD that it does not know, to merge the segments as they are, is done here.
import { createServer } from "node:http";
import { sharedClip } from "../e2e/lib/clips.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { download } from "./lib/downloaders.mjs";
import { packed, signed } from "./lib/packed.mjs";

/** Far less than the clip has, and more than a tool finds in noise. */
const FRAMES_MIN = 100;
const SHORT = { secs: 8, size: "640x360" };
const PACK = ["--ladder", "360p", "--segment-secs", "2", "--period-segments", "2"];
const NEVER_SENT = new Set(["host", "accept-encoding", "content-length", "connection"]);

const short = (keyveil, mode, container) =>
  packed(keyveil, `${mode}-${container}`, sharedClip("mp4", SHORT), ...PACK, "--mode", mode, "--container", container);

/** The playlist's address of a title that needs no keys: the server tells anybody who has a signature. */
async function playlistOf(keyveil, fileId) {
  const answer = await fetch(`${keyveil.origin}/v1/play`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ psign: await signed(keyveil, fileId) }),
  });
  return (await answer.json()).playlistUrl;
}

/** Plays for a moment and takes down what a page could give away: playlist address, headers, cookies. */
async function spyOn(browser, pageUrl) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const playlist = page.waitForRequest(/master\.m3u8/);
    await page.goto(pageUrl);
    const request = await playlist;
    const video = page.locator("keyveil-player video");
    await expect.poll(() => video.evaluate((element) => element.readyState), { timeout: 60_000 }).toBeGreaterThan(1);
    const all = Object.entries(await request.allHeaders());
    const headers = Object.fromEntries(all.filter(([name]) => !name.startsWith(":") && !NEVER_SENT.has(name)));
    const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    return { url: request.url(), headers: { ...headers, ...(cookies && { cookie: cookies }) } };
  } finally {
    await context.close();
  }
}

const playable = (got) => Object.values(got).filter(({ frames }) => frames > 0);
const figureOf = (got) =>
  Object.entries(got)
    .map(([tool, { frames }]) => `${tool} ${frames}`)
    .join(", ");

for (const container of ["fmp4", "ts"])
  test(`playlist address, headers and cookies, ${container}: every tool gets a clear title, none a private one`, async ({
    browser,
    target,
  }) => {
    const { keyveil } = target;
    const title = container === "fmp4" ? target : await target.ts();
    const { url, headers } = await spyOn(browser, title.playerUrl());
    const control = await playlistOf(keyveil, short(keyveil, "clear", container));
    const [priv, clear] = await Promise.all([download(url, headers), download(control, headers)]);
    record({
      attack: `tools with the playlist, headers and cookies (${container}), control: clear title`,
      player: playable(priv).length,
      control: Object.values(clear).filter(({ frames }) => frames > FRAMES_MIN).length,
      figure: `frames: player ${figureOf(priv)}; control ${figureOf(clear)}`,
    });
    expect(playable(priv)).toEqual([]);
    // yt-dlp's switch for what can't be played has it keep video and sound apart from what it would play.
    for (const [tool, { frames, said }] of Object.entries(clear))
      if (!tool.includes("unplayable")) expect(frames, `${tool}: ${said}`).toBeGreaterThan(FRAMES_MIN);
  });

test("a standard title, whose keys every player gets, is downloaded by each tool that decrypts", async ({ target }) => {
  const { keyveil } = target;
  const fileId = short(keyveil, "standard", "ts");
  const url = `${keyveil.origin}/v1/hls/${fileId}.m3u8?MtsHlsUriToken=${await signed(keyveil, fileId)}`;
  const tools = ["ffmpeg", "yt-dlp", "streamlink"];
  const [standard, bare] = await Promise.all([download(url, {}, tools), download(url.split("?")[0], {}, tools)]);
  record({
    attack: "the same tools, control: standard title with its token",
    player: playable(bare).length,
    control: Object.values(standard).filter(({ frames }) => frames > FRAMES_MIN).length,
    figure: `frames: control ${figureOf(standard)}; the same title without a token ${figureOf(bare)}`,
  });
  expect(playable(bare)).toEqual([]);
  for (const [tool, { frames, said }] of Object.entries(standard))
    expect(frames, `${tool}: ${said}`).toBeGreaterThan(FRAMES_MIN);
});

test("the page's address: a page with a plain video is downloaded, the player's page is not", async ({ target }) => {
  const { keyveil } = target;
  const url = await playlistOf(keyveil, short(keyveil, "clear", "fmp4"));
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><video><source src="${url}" type="application/x-mpegURL"></video>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    // Neither ffmpeg nor streamlink looks for media in pages that it does not know.
    const page = `http://127.0.0.1:${server.address().port}/`;
    const [priv, plain] = await Promise.all([download(target.playerUrl()), download(page, {}, ["yt-dlp"])]);
    record({
      attack: "tools with the page's address, control: page with a plain video",
      player: playable(priv).length,
      control: playable(plain).length,
      figure: `frames: player ${figureOf(priv)}; control ${figureOf(plain)}`,
    });
    expect(playable(priv)).toEqual([]);
    expect(plain["yt-dlp"].frames, plain["yt-dlp"].said).toBeGreaterThan(FRAMES_MIN);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
