// A whole installation whose media lie in S3: a title is uploaded, made by a real worker, and played, every segment of it as
// viewers get it; encrypted anew; deleted. S3 hangs in the middle of a job, and nothing is lost.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { Upload } from "../faults/lib/tus.mjs";
import { until } from "../faults/lib/wait.mjs";
import { makeWorkflow } from "../faults/lib/workflow.mjs";
import { Moto } from "../kms/lib/moto.mjs";
import * as scene from "./lib/scene.mjs";

const { SECS, loadAll, play } = scene;

let folder;
let source;
let moto;

before(async () => {
  folder = scratch();
  source = readFileSync(makeClip(folder, "mp4", { secs: SECS, size: "320x180" }));
  moto = await Moto.start();
});
after(async () => {
  await moto?.kill();
  remove(folder);
});

const withStack = (bucket, reads, run) => scene.withStack({ moto, folder }, bucket, reads, run);
const checkLoaded = (stack, title, loaded) => scene.checkLoaded(folder, stack, title, loaded);

/** Uploads a title; it is made by itself. */
async function upload(stack, workflowId) {
  const begun = await Upload.create(stack.api, source, { filename: "clip.mp4", name: "Clip", workflowId });
  await begun.finish();
  return begun.fileId;
}

const isSegment = (path) => path.endsWith(".m4s");

describe("media in S3", { concurrency: 1 }, () => {
  test("through the server: played, in ranges, made anew, deleted", async () => {
    await withStack("keyveil-proxy", "proxy", async (stack) => {
      stack.startWorker();
      const fileId = await upload(stack, await makeWorkflow(stack));
      const title = await stack.reached(fileId, "published");
      for (const name of ["media", "uploads"])
        assert.ok(!existsSync(join(stack.data, name)), `no ${name} on this machine`);
      const playlistUrl = await play(stack, fileId);
      const loaded = await loadAll(playlistUrl);
      for (const [path, { location, answer }] of loaded) {
        assert.equal(location, null, path);
        const lasting = path.endsWith(".m3u8") ? "public, max-age=60" : "public, max-age=31536000, immutable";
        assert.equal(answer.headers.get("cache-control"), lasting, path);
      }
      checkLoaded(stack, title, loaded);
      const [path, { bytes }] = [...loaded].find(([path]) => isSegment(path));
      await checkRanges(playlistUrl.replace("master.m3u8", path), bytes);
      const cover = await fetch((await stack.title(fileId)).coverUrl);
      assert.deepEqual([cover.status, cover.headers.get("content-type")], [200, "image/jpeg"]);

      await stack.api.post(`/v1/titles/${fileId}/reencrypt`);
      const again = async () => {
        const now = await stack.title(fileId);
        return now.version > title.version && now;
      };
      const anew = await until("the re-encryption", again, { seen: () => stack.log });
      checkLoaded(stack, anew, await loadAll(await play(stack, fileId)));

      await stack.api.call("DELETE", `/v1/titles/${fileId}`);
      assert.equal((await fetch(playlistUrl)).status, 404);
      await until("the bucket to be empty", async () => (await moto.objects("keyveil-proxy")).length === 0);
    });
  });

  test("from S3 itself: playlists by the server, the rest by presigned addresses", async () => {
    await withStack("keyveil-redirect", "redirect", async (stack) => {
      stack.startWorker();
      const fileId = await upload(stack, await makeWorkflow(stack));
      const title = await stack.reached(fileId, "published");
      const loaded = await loadAll(await play(stack, fileId));
      for (const [path, { answer, content, location }] of loaded) {
        if (path.endsWith(".m3u8")) {
          assert.equal(location, null, path);
          continue;
        }
        assert.equal(answer.status, 307, path);
        assert.equal(answer.headers.get("cache-control"), "public, max-age=1800", path);
        assert.ok(location.startsWith(`${moto.url}/keyveil-redirect/prod/media/${fileId}/${path}?`), location);
        assert.match(location, /X-Amz-Expires=3600&.*X-Amz-Signature=/);
        assert.equal(content.headers.get("cache-control"), "public, max-age=31536000, immutable");
      }
      checkLoaded(stack, title, loaded);
      for (const page of ["/", "/sdk/worker.js"]) {
        const policy = (await fetch(stack.url + page)).headers.get("content-security-policy");
        assert.match(policy, new RegExp(`connect-src [^;]*${new URL(moto.url).origin}`), page);
      }
    });
  });

  test("S3 hangs: keys are released, an upload waits, and both it and a running job end once S3 is back", async () => {
    await withStack("keyveil-outage", "proxy", async (stack) => {
      const workflowId = await makeWorkflow(stack);
      const worker = stack.startWorker();
      const known = await stack.reached(await upload(stack, workflowId), "published");
      const running = await upload(stack, workflowId);
      await until("ffmpeg to run", () => stack.ffmpegOf(worker, "segments"), { everyMs: 5, seen: () => stack.log });
      moto.hang();
      let late;
      try {
        late = await Upload.create(stack.api, source, { filename: "late.mp4", name: "Late", workflowId });
        await play(stack, known.fileId);
        assert.equal((await stack.title(known.fileId)).state, "published");
        const refused = await late.patch(0);
        assert.deepEqual([refused.status, refused.json().error.code], [503, "unavailable"]);
        assert.equal(await late.offset(), 0, "nothing that S3 did not answer for counts");
      } finally {
        moto.goOn();
      }
      await late.finish();
      for (const { fileId } of [known, { fileId: running }, late]) {
        const made = await stack.reached(fileId, "published");
        checkLoaded(stack, made, await loadAll(await play(stack, fileId)));
      }
      const sources = async () =>
        (await moto.objects("keyveil-outage")).filter((key) => key.startsWith("prod/sources/"));
      await until("sources to go once they are made", async () => (await sources()).length === 0);
    });
  });
});

/** RFC 9110 on a file of a bucket. */
async function checkRanges(url, bytes) {
  const ask = (headers, method = "GET") => fetch(url, { method, headers });
  const part = await ask({ range: "bytes=5-9" });
  assert.deepEqual([part.status, part.headers.get("content-range")], [206, `bytes 5-9/${bytes.length}`]);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(5, 10));
  const end = await ask({ range: "bytes=-3" });
  assert.deepEqual([end.status, Buffer.from(await end.arrayBuffer())], [206, bytes.subarray(-3)]);
  const outside = await ask({ range: `bytes=${bytes.length}-` });
  assert.deepEqual([outside.status, outside.headers.get("content-range")], [416, `bytes */${bytes.length}`]);
  assert.equal((await outside.json()).error.code, "range_not_satisfiable");
  const head = await ask({}, "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(bytes.length)]);
  const etag = head.headers.get("etag");
  assert.equal((await ask({ "if-none-match": etag })).status, 304);
  assert.equal((await ask({ "if-none-match": '"another"' })).status, 200);
  assert.equal((await ask({ range: "bytes=0-1", "if-range": '"another"' })).status, 200);
  assert.equal((await ask({ range: "bytes=0-1", "if-range": etag })).status, 206);
  const missing = await fetch(url.replace(/[^/]+$/, "seg-99999.m4s"));
  assert.deepEqual([missing.status, (await missing.json()).error.code], [404, "not_found"]);
}
