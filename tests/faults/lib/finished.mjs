// What must hold of a title once it is published, whatever happened on the way.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { reveal } from "../../e2e/lib/installation.mjs";
import { publishedSegments } from "../../e2e/lib/published.mjs";
import { ClearMedia, clearForm, searchClear } from "./clear-media.mjs";
import { unlistedFiles } from "./processes.mjs";
import { until } from "./wait.mjs";

const RATE = 25;

/**
 * Every segment of the published version is ciphertext and decrypts to a clear segment, and the first rendition has all of its
 * frames. Answers the clear segments.
 */
export function checkSegments(stack, title, { secs }) {
  const folder = stack.mediaFolder(title.fileId, title.version);
  const segments = [...publishedSegments(folder, reveal(stack.data, title.fileId))];
  for (const { path, ciphertext, clear } of segments) {
    assert.equal(clearForm(ciphertext), null, `${path} is not clear`);
    assert.notEqual(clearForm(clear), null, `${path} decrypts to a segment`);
  }
  const first = segments.filter(({ rendition }) => rendition === segments[0].rendition);
  const init = first[0].path.endsWith(".m4s") ? [readFileSync(join(folder, first[0].path, "..", "init.mp4"))] : [];
  const frames = countFrames(Buffer.concat([...init, ...first.map(({ clear }) => clear)]));
  assert.equal(frames, secs * RATE, "every frame of the source is there");
  return segments.map(({ clear }) => clear);
}

function countFrames(bytes) {
  const wanted = ["-select_streams", "v:0", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"];
  const counted = spawnSync("ffprobe", ["-v", "error", "-count_frames", ...wanted, "-"], { input: bytes });
  return Number.parseInt(counted.stdout.toString(), 10);
}

/** No clear media in the data folder, in the temporary files, or in a file that a process has open and no folder lists. */
export function checkNothingClear(stack, known, when) {
  assert.ok(known.count > 1000, `${known.count} slices to look for`);
  const { found, searched } = searchClear(known, [stack.folder], unlistedFiles(stack.processes()));
  assert.ok(searched > 2, `${searched} files were searched`);
  assert.deepEqual(found, [], when);
}

/** The same search finds what is planted, and takes it away again. */
export function checkSearchFinds(stack, source, clearSegment) {
  const known = new ClearMedia().add(source);
  const places = [join(stack.data, "planted"), join(stack.temporary, "planted", "deep")];
  for (const place of places) {
    for (const bytes of [source, source.subarray(source.length >> 1, (source.length >> 1) + 2000), clearSegment]) {
      mkdirSync(join(place, ".."), { recursive: true });
      writeFileSync(place, bytes);
      assert.ok(
        searchClear(known, [stack.folder]).found.some((line) => line.startsWith(place)),
        place,
      );
    }
    writeFileSync(place, "");
  }
}

/** Sources go when their version is committed, and versions that were never committed go too. */
export async function checkLeftovers(stack, titles) {
  const names = (folder) => readdirSync(join(stack.data, folder)).sort();
  const versions = titles.map(({ fileId, version }) => (version === 1 ? fileId : `${fileId}.${version}`)).sort();
  const isDone = () => names("uploads").length === 0 && names("media").join() === versions.join();
  await until("sources and lost attempts to be swept", isDone, {
    seen: () => JSON.stringify({ uploads: names("uploads"), media: names("media"), versions }),
  });
  const files = versions.flatMap((version) => readdirSync(join(stack.data, "media", version), { recursive: true }));
  assert.deepEqual(
    files.filter((file) => basename(file).startsWith(".")),
    [],
    "no half file stays in a version's folder",
  );
}

/** Everything ends when it is asked to, and nothing is left running. */
export async function checkEnds(stack) {
  assert.ok(stack.processes().length > 0, "its processes are found while they run");
  const ends = await stack.stopProcesses();
  assert.deepEqual(
    ends.filter((end) => end !== 0 && end !== 143),
    [],
    stack.log,
  );
  await until("every process to be gone", () => stack.processes().length === 0, {
    seen: () => JSON.stringify(stack.processes()),
  });
}

/** How often this kind stands in the audit log for this title. */
export async function audited(stack, kind, fileId) {
  return (await stack.api.all(`/v1/audit?kind=${kind}&fileId=${fileId}`, "audit")).length;
}
