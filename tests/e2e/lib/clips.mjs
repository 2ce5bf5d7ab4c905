// Small clips that ffmpeg makes: moving picture with a running clock, and a tone.
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const CODECS = {
  mp4: ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"],
  webm: ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-c:a", "libvorbis"],
};

export function makeClip(folder, container, { secs = 40, size = "854x480", name = "clip", keyframeSecs = null } = {}) {
  const path = join(folder, `${name}.${container}`);
  const inputs = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=25`, "-f", "lavfi", "-i", "sine=frequency=440"];
  const keyframes = keyframeSecs === null ? [] : ["-g", String(25 * keyframeSecs)];
  const codecs = [...CODECS[container], ...keyframes];
  execFileSync("ffmpeg", ["-v", "error", "-y", ...inputs, "-t", String(secs), ...codecs, path]);
  return path;
}
