// A whole installation whose media lie in S3: a title is uploaded, made by a real worker, and played, every segment of it as
// viewers get it; encrypted anew; deleted. S3 hangs in the middle of a job, and nothing is lost.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { checkSegments } from "../faults/lib/finished.mjs";
import { Stack } from "../faults/lib/stack.mjs";
import { Upload } from "../faults/lib/tus.mjs";
import { until } from "../faults/lib/wait.mjs";
import { makeWorkflow } from "../faults/lib/workflow.mjs";
import { Moto } from "../kms/lib/moto.mjs";
import { x25519 } from "../vectors/independent.mjs";

const SECS = 4;

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

async function withStack(bucket, reads, run) {
  const settings = await moto.makeBucket(bucket, reads);
  for (const page of ["www/index.html", "sdk/worker.js"]) {
    mkdirSync(join(folder, dirname(page)), { recursive: true });
    writeFileSync(join(folder, page), "");
  }
  const pages = { KEYVEIL_PAGES_WWW_DIR: join(folder, "www"), KEYVEIL_PAGES_SDK_DIRS: join(folder, "sdk") };
  const stack = await Stack.start({ settings: { ...settings, ...pages } });
  try {
    await run(stack, settings);
    assert.ok(!stack.log.includes(settings.AWS_SECRET_ACCESS_KEY), "the log holds no credentials");
    assert.ok(!stack.log.includes("X-Amz-Signature"), "the log holds no presigned address");
  } finally {
    await stack.stop();
  }
}

/** Uploads a title; it is made by itself. */
async function upload(stack, workflowId) {
  const begun = await Upload.create(stack.api, source, { filename: "clip.mp4", name: "Clip", workflowId });
  await begun.finish();
  return begun.fileId;
}

/** Opens playback as a player does, and answers where its playlists are. */
async function play(stack, fileId) {
  const { psign } = await stack.api.post("/v1/player-signatures", { fileId });
  const publicKey = x25519(randomBytes(32)).publicBytes.toString("base64url");
  const [buildId] = (await stack.keyServer("build", "list")).split(" ");
  const answer = await stack.api.ask("POST", "/v1/play", { psign, publicKey, buildId });
  assert.equal(answer.status, 200, `${answer.bytes}\n${stack.log}`);
  assert.ok(answer.json().grant, "the first keys");
  return answer.json().playlistUrl;
}

/** Everything that a master playlist leads to, as a player loads it. Answers the answers by path. */
async function loadAll(playlistUrl) {
  const base = playlistUrl.slice(0, -"master.m3u8".length);
  const [loaded, waiting] = [new Map(), ["master.m3u8"]];
  while (waiting.length > 0) {
    const path = waiting.pop();
    if (loaded.has(path)) continue;
    const answer = await fetch(base + path, { redirect: "manual" });
    const location = answer.headers.get("location");
    const content = location ? await fetch(location) : answer;
    assert.equal(content.status, 200, path);
    const bytes = Buffer.from(await content.arrayBuffer());
    loaded.set(path, { answer, content, bytes, location });
    if (path.endsWith(".m3u8")) {
      const named = bytes.toString().matchAll(/^[^#\n].*|^#EXT-X-(?:MAP|MEDIA):.*URI="([^"]+)"/gm);
      for (const [line, uri] of named) waiting.push(posix.join(posix.dirname(path), uri ?? line));
    }
  }
  return loaded;
}

/** Every segment that was loaded decrypts, and every frame is there. */
function checkLoaded(stack, title, loaded) {
  const into = join(folder, `${title.fileId}.${title.version}.${randomBytes(4).toString("hex")}`);
  for (const [path, { bytes }] of loaded) {
    mkdirSync(join(into, dirname(path)), { recursive: true });
    writeFileSync(join(into, path), bytes);
  }
  checkSegments({ data: stack.data, mediaFolder: () => into }, title, { secs: SECS });
}

const isSegment = (path) => path.endsWith(".m4s");

describe("media in S3", { concurrency: 1 }, () => {
  test("through the server: played, in ranges, made anew, deleted", async () => {
    await withStack("keyveil-proxy", "proxy", async (stack) => {
      stack.startWorker();
      const fileId = await upload(stack, await makeWorkflow(stack));
      const title = await stack.reached(fileId, "published");
      assert.ok(!existsSync(join(stack.data, "media")), "no media is on this machine");
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

  test("S3 hangs: an upload is taken, keys are released, and the title is made once S3 is back", async () => {
    await withStack("keyveil-outage", "proxy", async (stack) => {
      const workflowId = await makeWorkflow(stack);
      stack.startWorker();
      const known = await stack.reached(await upload(stack, workflowId), "published");
      moto.hang();
      let late;
      try {
        late = await upload(stack, workflowId);
        await stack.reached(late, "transcoding");
        await play(stack, known.fileId);
        assert.equal((await stack.title(known.fileId)).state, "published");
      } finally {
        moto.goOn();
      }
      const made = await stack.reached(late, "published");
      for (const title of [known, made]) checkLoaded(stack, title, await loadAll(await play(stack, title.fileId)));
      const uploads = join(stack.data, "uploads");
      await until("sources to go once they are made", () => readdirSync(uploads).length === 0);
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
