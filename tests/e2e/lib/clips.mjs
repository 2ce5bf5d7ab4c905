// Small clips that ffmpeg makes: moving picture with a running clock, and a tone.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { shared } from "./shared.mjs";

const CODECS = {
  mp4: ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"],
  webm: ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-c:a", "libvorbis"],
};
const SIZE = "854x480";
const SUBTITLES =
  "1\n00:00:01,000 --> 00:00:09,000\nThe first line\n\n2\n00:00:10,000 --> 00:00:20,000\nThe second line\n";

export function makeClip(folder, container, { secs = 40, size = SIZE, name = "clip", keyframeSecs = null } = {}) {
  const path = join(folder, `${name}.${container}`);
  const inputs = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=25`, "-f", "lavfi", "-i", "sine=frequency=440"];
  const keyframes = keyframeSecs === null ? [] : ["-g", String(25 * keyframeSecs)];
  const codecs = [...CODECS[container], ...keyframes];
  execFileSync("ffmpeg", ["-v", "error", "-y", ...inputs, "-t", String(secs), ...codecs, path]);
  return path;
}

/** The same for all specs and levels of a run: `npm start` publishes it for the first, and the others find it published. */
export function sharedClip(container, { secs, size = SIZE, name = "clip" }) {
  const file = `${name}.${container}`;
  return shared(join(`${secs} s ${size}`, file), (folder) => makeClip(folder, container, { secs, size, name }));
}

/** One with English subtitles of two lines, at 1 s and at 10 s. */
export function sharedSubtitledClip(options) {
  const clip = sharedClip("mp4", options);
  return shared(`subtitled ${options.size ?? SIZE}/clip.mkv`, (folder) => {
    const srt = join(folder, "lines.srt");
    writeFileSync(srt, SUBTITLES);
    const inputs = ["-i", clip, "-i", srt, "-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt"];
    const language = ["-metadata:s:s:0", "language=eng"];
    execFileSync("ffmpeg", ["-v", "error", "-y", ...inputs, ...language, join(folder, "clip.mkv")]);
  });
}
