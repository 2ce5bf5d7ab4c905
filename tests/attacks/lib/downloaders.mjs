// Generic downloaders, each told to get what it can from an address into a folder of its own. Video frames that can be decoded are
// what counts, whatever the tool says of itself.
import { spawn } from "node:child_process";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, remove, scratch } from "../../e2e/lib/installation.mjs";

const YT_DLP = process.env.KEYVEIL_YT_DLP || join(ROOT, ".venv", "bin", "yt-dlp");
const STREAMLINK = process.env.KEYVEIL_STREAMLINK || join(ROOT, ".venv", "bin", "streamlink");
const LIMIT_MS = 120_000;
const OUTPUT_CHARS_KEPT = 2_000;

/** Resolves to what a program said; throws only where it can't be started, because then nothing was tried. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { timeout: LIMIT_MS, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        said = (said + chunk).slice(-OUTPUT_CHARS_KEPT);
      });
    child.once("error", reject);
    child.once("close", () => resolve(said));
  });
}

const flagged = (flag, headers, between) =>
  Object.entries(headers).flatMap(([name, value]) => [flag, `${name}${between}${value}`]);

function ytDlp(url, headers, folder, ...more) {
  const patience = ["--retries", "1", "--fragment-retries", "1", "--socket-timeout", "20"];
  const output = ["-o", join(folder, "out.%(ext)s")];
  const args = ["--no-config", "--no-cache-dir", ...patience, ...more, ...flagged("--add-header", headers, ":")];
  return run(YT_DLP, [...args, ...output, url]);
}

/** What merging downloaders leave of a title whose METHOD they don't know: its segments as they come, one after the other. */
async function merge(url, headers, folder) {
  const text = async (address) => (await fetch(address, { headers })).text();
  const lines = (playlist) => playlist.split("\n").filter((line) => line && !line.startsWith("#"));
  const [media] = lines(await text(url));
  if (media === undefined) return "no playlist";
  const mediaUrl = new URL(media, url).href;
  const playlist = await text(mediaUrl);
  const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)?.slice(1) ?? [];
  const parts = [];
  for (const name of [...init, ...lines(playlist)])
    parts.push(Buffer.from(await (await fetch(new URL(name, mediaUrl), { headers })).arrayBuffer()));
  writeFileSync(join(folder, "out.mp4"), Buffer.concat(parts));
  return `${parts.length} parts`;
}

const TOOLS = {
  ffmpeg(url, headers, folder) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const input = ["-headers", lines.join(""), "-i", url];
    return run("ffmpeg", ["-v", "error", "-y", ...input, "-c", "copy", join(folder, "out.mkv")]);
  },
  "yt-dlp": ytDlp,
  "yt-dlp --allow-unplayable-formats": (url, headers, folder) =>
    ytDlp(url, headers, folder, "--allow-unplayable-formats"),
  streamlink(url, headers, folder) {
    const flags = ["--no-config", "--retry-open", "1", "--stream-timeout", "20", "--http-timeout", "20"];
    const all = [...flags, ...flagged("--http-header", headers, "="), "-o", join(folder, "out.ts"), url, "best"];
    return run(STREAMLINK, all);
  },
  "merged segments": merge,
};

/** Runs all of them at once. Resolves to { tool: { frames, said } }. */
export async function download(url, headers = {}, tools = Object.keys(TOOLS)) {
  const results = tools.map(async (name) => {
    const folder = scratch();
    try {
      const said = await TOOLS[name](url, headers, folder);
      return [name, { said, frames: await framesIn(folder) }];
    } finally {
      remove(folder);
    }
  });
  return Object.fromEntries(await Promise.all(results));
}

async function framesIn(folder) {
  const files = readdirSync(folder).map((name) => join(folder, name));
  const counts = files.filter((path) => statSync(path).size > 0).map(decodedFrames);
  return (await Promise.all(counts)).reduce((sum, frames) => sum + frames, 0);
}

async function decodedFrames(path) {
  const what = ["-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames"];
  return Number.parseInt(await run("ffprobe", ["-v", "quiet", ...what, "-of", "csv=p=0", path]), 10) || 0;
}
