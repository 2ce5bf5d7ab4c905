// A title of another vendor's HLS standard encryption, taken over whole: `packager import` brings it in, ffmpeg plays it by one
// address, and the vendor's own form of key address (`Ciphertext`, `MediaId`, `MtsHlsUriToken`) answers its key and no other's.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { Stack } from "../faults/lib/stack.mjs";

const SECS = 8;
const FRAMES = SECS * 25;
const TEXT = "Zm9v+YmFy/00==";

let stack;
const key = randomBytes(16);
const otherKey = randomBytes(16);

before(async () => {
  stack = await Stack.start();
  vendorTitle("film", key, TEXT, "media-1");
  vendorTitle("other", otherKey, "b3RoZXI=", "media-2");
  for (const name of ["film", "other"]) {
    const folder = join(stack.folder, name);
    const server = ["--server", stack.url, "--api-key", stack.apiKey, "--out", join(stack.data, "media")];
    const files = [join(folder, "film.m3u8"), "--keys", join(folder, "keys.json")];
    await stack.packager(["import", ...files, "--name", name, "--file-id", name, ...server]);
  }
});

after(() => stack?.stop());

/** Playlist, TS segments and keys as their owner has them when they leave: ffmpeg stands for the vendor's workflow. */
function vendorTitle(name, secret, text, mediaId) {
  const folder = join(stack.folder, name);
  mkdirSync(folder);
  const clip = makeClip(folder, "mp4", { secs: SECS, size: "320x180" });
  writeFileSync(join(folder, "key"), secret);
  const query = new URLSearchParams({ Ciphertext: text, MediaId: mediaId });
  writeFileSync(join(folder, "key.info"), `https://decrypt.example.com/?${query}\n${join(folder, "key")}\n`);
  const hls = ["-hls_time", "2", "-hls_playlist_type", "vod", "-hls_key_info_file", join(folder, "key.info")];
  const made = spawnSync("ffmpeg", ["-v", "error", "-i", clip, "-c", "copy", ...hls, join(folder, "film.m3u8")]);
  assert.equal(made.status, 0, String(made.stderr));
  writeFileSync(join(folder, "keys.json"), JSON.stringify({ [text]: secret.toString("base64") }));
}

const psignOf = async (fileId) => (await stack.api.post("/v1/player-signatures", { fileId })).psign;

/** Video frames that ffmpeg decodes; any complaint of it counts as none. */
function frames(address) {
  const args = ["-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", "stream=nb_read_frames"];
  const probe = spawnSync("ffprobe", [...args, "-of", "csv=p=0", address], { encoding: "utf8" });
  return probe.stderr === "" ? Number.parseInt(probe.stdout, 10) : 0;
}

/** What a playlist that the vendor's CDN serves leads a player to. */
const vendorKey = (text, mediaId, token) =>
  fetch(
    `${stack.url}/v1/hls-keys?${new URLSearchParams({ Ciphertext: text, MediaId: mediaId, MtsHlsUriToken: token })}`,
  );

test("ffmpeg plays an imported title by one address, and not without a token", async () => {
  const address = `${stack.url}/v1/hls/film.m3u8`;
  assert.equal(frames(`${address}?MtsHlsUriToken=${await psignOf("film")}`), FRAMES);
  assert.notEqual(frames(address), FRAMES);
  assert.notEqual(frames(`${address}?MtsHlsUriToken=${await psignOf("other")}`), FRAMES);
});

test("the vendor's form of key address answers the key, bound to title, media id and text", async () => {
  const psign = await psignOf("film");
  const answer = await vendorKey(TEXT, "media-1", psign);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), key);
  for (const [text, mediaId, token] of [
    [TEXT, "media-2", psign],
    ["b3RoZXI=", "media-2", psign],
    ["b3RoZXI=", "media-1", psign],
    [TEXT, "media-1", await psignOf("other")],
    [TEXT, "media-1", `${psign.slice(0, -4)}AAAA`],
    [TEXT, "media-1", ""],
  ]) {
    const refused = await vendorKey(text, mediaId, token);
    assert.ok([400, 401, 403, 404].includes(refused.status), `${text} ${mediaId}: ${refused.status}`);
    assert.equal((await refused.arrayBuffer()).byteLength === 16, false);
  }
  assert.deepEqual(
    Buffer.from(await (await vendorKey("b3RoZXI=", "media-2", await psignOf("other"))).arrayBuffer()),
    otherKey,
  );
});

test("an unpublished import plays no more", async () => {
  await stack.api.post("/v1/titles/other/unpublish", {});
  assert.notEqual(frames(`${stack.url}/v1/hls/other.m3u8?MtsHlsUriToken=${await psignOf("other")}`), FRAMES);
  await stack.api.post("/v1/titles/other/publish", {});
  assert.equal(frames(`${stack.url}/v1/hls/other.m3u8?MtsHlsUriToken=${await psignOf("other")}`), FRAMES);
});
