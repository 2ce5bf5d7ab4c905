// A minute of video for those who gave no file: slow colour, a sweep for each second, a bar for the whole, a soft chord that
// swells once a second, and subtitles that say the time. Everything comes out of ffmpeg's own generators: no fonts needed.
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { run } from "./children.mjs";
import { exists } from "./fingerprint.mjs";
import { Stop } from "./steps.mjs";

const SECS = 60;
const SIZE = { width: 1280, height: 720 };

/** Makes the clip at `path` unless it is there. Written aside and renamed: a clip that is there is whole. */
export async function synthesizeClip(path, { progress }) {
  if (await exists(path)) return false;
  await mkdir(dirname(path), { recursive: true });
  const aside = `${path}.${process.pid}.partial.mp4`;
  const subtitles = `${path}.${process.pid}.partial.srt`;
  try {
    await writeFile(subtitles, subtitleText());
    const onLine = (line) => {
      const micros = /^out_time_us=(\d+)/.exec(line);
      if (micros !== null) progress(Number(micros[1]) / 1e6 / SECS);
    };
    await run("ffmpeg", ffmpegArgs(subtitles, aside), { onLine }).catch((error) => {
      throw new Stop("ffmpeg could not make the demonstration clip.", { output: error.output });
    });
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
    await rm(subtitles, { force: true });
  }
  return true;
}

function ffmpegArgs(subtitles, output) {
  const { width, height } = SIZE;
  const ground = `gradients=s=${width / 2}x${height / 2}:r=25:d=${SECS}:speed=0.012:n=4:seed=7:c0=0x0d2b25:c1=0x1f6f5c:c2=0xd9b36c:c3=0x12303f`;
  const bar = (colour, thickness) => `color=c=${colour}:s=${width}x${thickness}:r=25:d=${SECS}`;
  const picture = [
    `${ground},scale=${width}:${height},format=yuv420p[ground]`,
    `${bar("0xf6f5f1", 10)}[whole]`,
    `${bar("0x79cdb4", 4)}[second]`,
    `[ground][whole]overlay=x='-W+W*t/${SECS}':y=H-10[a]`,
    "[a][second]overlay=x='-W+W*mod(t,1)':y=H-18,format=yuv420p[v]",
  ].join(";");
  const swell = "(0.35+0.65*exp(-3*mod(t,1)))";
  const chord = [220, 277.18, 329.63].map((hertz) => `sin(2*PI*${hertz}*t)`).join("+");
  const sound = `aevalsrc=exprs='0.05*${swell}*(${chord})':s=48000:c=mono:d=${SECS}`;
  return [
    ...["-hide_banner", "-nostdin", "-v", "error", "-y", "-progress", "pipe:1"],
    ...["-f", "lavfi", "-i", sound, "-i", subtitles],
    ...["-filter_complex", picture, "-map", "[v]", "-map", "0:a", "-map", "1:s"],
    ...["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-c:a", "aac", "-b:a", "96k", "-ac", "2"],
    ...["-c:s", "mov_text", "-metadata:s:s:0", "language=eng", "-t", String(SECS), "-movflags", "+faststart", output],
  ];
}

function subtitleText() {
  const time = (secs) =>
    `00:${String(Math.floor(secs / 60)).padStart(2, "0")}:${String(secs % 60).padStart(2, "0")},000`;
  const cues = [];
  for (let at = 0; at < SECS; at += 5) {
    cues.push(`${cues.length + 1}\n${time(at)} --> ${time(at + 5)}\nSecond ${at} of ${SECS}\n`);
  }
  return cues.join("\n");
}
