// Generic downloaders with all that a page has: the playlist's address, its cookies and its headers.
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { sharedClip } from "./lib/clips.mjs";
import { ROOT, remove, scratch, start } from "./lib/installation.mjs";

const YT_DLP = process.env.KEYVEIL_YT_DLP || join(ROOT, ".venv", "bin", "yt-dlp");
const LIMIT_MS = 120_000;

/** Plays nothing when not one video frame can be decoded, whatever the exit code of the tool said. */
function decodedFrames(path) {
  const counted = spawnSync(
    "ffprobe",
    [
      "-v",
      "error",
      "-count_frames",
      "-select_streams",
      "v:0",
      "-show_entries",
      "stream=nb_read_frames",
      "-of",
      "csv=p=0",
      path,
    ],
    { encoding: "utf8", timeout: LIMIT_MS },
  );
  return Number.parseInt(counted.stdout, 10) || 0;
}

function framesIn(folder) {
  const files = readdirSync(folder).map((name) => join(folder, name));
  return files.filter((path) => statSync(path).size > 0).reduce((sum, path) => sum + decodedFrames(path), 0);
}

function ytDlp(url, headers, folder, ...more) {
  const flags = Object.entries(headers).flatMap(([name, value]) => ["--add-header", `${name}:${value}`]);
  const patience = ["--retries", "1", "--fragment-retries", "1"];
  const output = ["-o", join(folder, "out.%(ext)s")];
  const args = ["--no-config", "--no-cache-dir", ...patience, ...more, ...flags, ...output, url];
  const ran = spawnSync(YT_DLP, args, { encoding: "utf8", timeout: LIMIT_MS });
  if (ran.error) throw ran.error;
  return ran.stderr;
}

/** Each tool writes what it can get into a folder of its own, and returns what it said. */
const TOOLS = {
  ffmpeg(url, headers, folder) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const args = ["-v", "error", "-y", "-headers", lines.join(""), "-i", url, "-c", "copy", join(folder, "out.mkv")];
    return spawnSync("ffmpeg", args, { encoding: "utf8", timeout: LIMIT_MS }).stderr;
  },
  "yt-dlp": ytDlp,
  "yt-dlp, allowing unplayable formats": (url, headers, folder) =>
    ytDlp(url, headers, folder, "--allow-unplayable-formats"),
};

/** Plays for a moment and takes down what a page could give away: playlist address, headers, cookies. */
async function spyOn(browser, playerUrl) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const playlist = page.waitForRequest(/master\.m3u8/);
  await page.goto(playerUrl);
  const request = await playlist;
  const video = page.locator("keyveil-player video");
  await expect.poll(() => video.evaluate((element) => element.readyState), { timeout: 60_000 }).toBeGreaterThan(1);
  const headers = { ...(await request.allHeaders()) };
  const cookies = await context.cookies();
  if (cookies.length > 0) headers.cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  for (const name of Object.keys(headers))
    if (name.startsWith(":") || name === "host" || name === "accept-encoding") delete headers[name];
  await context.close();
  return { url: request.url(), headers };
}

for (const container of ["fmp4", "ts"]) {
  for (const mode of ["private", "clear"]) {
    test(`${container}, ${mode}: ${mode === "private" ? "no tool makes a playable file" : "every tool does (the control)"}`, async ({
      browser,
    }) => {
      test.setTimeout(900_000);
      const clip = sharedClip("mp4", { secs: 8 });
      const keyveil = await start(clip, { workflow: { container, mode, ...(mode === "clear" && { cipher: null }) } });
      try {
        const { url, headers } = await spyOn(browser, keyveil.playerUrl);
        for (const [name, tool] of Object.entries(TOOLS)) {
          const out = scratch();
          const said = tool(url, headers, out);
          const frames = framesIn(out);
          remove(out);
          console.log(`    ${container} ${mode} ${name}: ${frames} frames`);
          if (mode === "private") expect(frames, `${name}: ${said}`).toBe(0);
          else if (!name.includes("unplayable")) expect(frames, `${name}: ${said}`).toBeGreaterThan(100);
        }
      } finally {
        await keyveil.stop();
      }
    });
  }
}
