// Sources in S3: two servers over one database and one bucket take the bytes of one upload in turn, one is killed in the midst
// of a PATCH, and either gives the source to a worker. What is wrong is refused as on a disk, and nothing stays in the bucket.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { ClearMedia } from "../faults/lib/clear-media.mjs";
import { Api } from "../faults/lib/http.mjs";
import { Upload } from "../faults/lib/tus.mjs";
import { sleep, until } from "../faults/lib/wait.mjs";
import { makeWorkflow } from "../faults/lib/workflow.mjs";
import { Moto } from "../kms/lib/moto.mjs";
import * as scene from "./lib/scene.mjs";

/** Longer than two pieces of 8 MiB. */
const PADDING_LEN = 20 << 20;

let folder;
let source;
let moto;

before(async () => {
  folder = scratch();
  source = padded(readFileSync(makeClip(folder, "mp4", { secs: scene.SECS, size: "320x180" })));
  moto = await Moto.start();
});
after(async () => {
  await moto?.kill();
  remove(folder);
});

/** With a box behind the film that every reader of MP4 passes over. */
function padded(clip) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + PADDING_LEN);
  head.write("free", 4, "latin1");
  return Buffer.concat([clip, head, randomBytes(PADDING_LEN)]);
}

/** Two servers over one data folder: `run(stack, replica, api)`, where `api` asks the replica. */
async function withServers(bucket, run) {
  const withReplica = async (stack) => {
    const replica = await stack.startReplica();
    await run(stack, replica, new Api(replica.url, stack.apiKey));
    assert.ok(!existsSync(join(stack.data, "uploads")), "no source is on this machine");
  };
  await scene.withStack({ moto, folder }, bucket, "proxy", withReplica);
}

const create = (api, more = {}) => Upload.create(api, source, { filename: "clip.mp4", name: "Clip", ...more });
const pieces = async (bucket) => (await moto.objects(bucket)).filter((key) => key.startsWith("prod/sources/"));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

async function checkPublished(stack, bucket, fileId) {
  const title = await stack.reached(fileId, "published");
  assert.equal(title.sizeBytes, source.length);
  scene.checkLoaded(folder, stack, title, await scene.loadAll(await scene.play(stack, fileId)));
  const sourceGone = async () => (await pieces(bucket)).length === 0;
  await until("the source to go once it is made", sourceGone, { seen: () => pieces(bucket) });
}

describe("sources in S3", { concurrency: 1 }, () => {
  test("another server goes on where one was killed, and gives the source to a worker", async () => {
    await withServers("sources-killed", async (stack, replica, api) => {
      const workflowId = await makeWorkflow(stack);
      const upload = await create(stack.api, { workflowId, sha256: sha256(source).toString("hex") });
      assert.equal((await upload.patch(0, 1_000_000)).status, 204);
      assert.equal(await upload.at(api).offset(), 1_000_000, "the other server knows it at once");
      assert.equal((await upload.at(api).patch(1_000_000, 1_000_001)).status, 204);
      // Two pieces and a bit, and then nothing more: the third one is in memory when the server dies.
      const { request } = upload.begin(1_000_001);
      request.write(source.subarray(1_000_001, 18_000_000));
      const recorded = async () => (await upload.at(api).offset()) >= 1_000_001 + (8 << 20);
      await until("a piece of the PATCH to be recorded", recorded, { seen: () => stack.log });
      await stack.killServer();
      request.destroy();
      const offset = await upload.at(api).offset();
      assert.ok(offset >= 1_000_001 + (8 << 20) && offset < 18_000_000, `${offset}`);
      await upload.at(api).finish();
      const known = new ClearMedia().add(source);
      const keys = await pieces("sources-killed");
      assert.ok(keys.length >= 5, `${keys.length} pieces`);
      for (const key of keys) {
        const object = await moto.object("sources-killed", key);
        assert.ok(object.length > 0 && known.find(object) === -1, `${key} is not clear`);
      }
      stack.startWorker({ url: replica.url });
      await stack.startServer();
      await checkPublished(stack, "sources-killed", upload.fileId);
    });
  });

  test("of two servers that get the same PATCH at the same time one takes it", async () => {
    await withServers("sources-race", async (stack, _replica, api) => {
      stack.startWorker();
      const upload = await create(stack.api, { workflowId: await makeWorkflow(stack) });
      const both = [upload, upload.at(api)].map((each) => each.begin(0));
      for (const { request } of both) request.write(source.subarray(0, 10_000_000));
      await sleep(1000);
      for (const { request } of both) request.end(source.subarray(10_000_000));
      const answers = await Promise.all(both.map(({ answer }) => answer));
      const told = answers.map(({ status, bytes }) => [status, bytes.length && JSON.parse(bytes).error.code]).sort();
      assert.deepEqual(told, [
        [204, 0],
        [409, "upload_offset"],
      ]);
      const title = await stack.reached(upload.fileId, "published");
      scene.checkLoaded(folder, stack, title, await scene.loadAll(await scene.play(stack, upload.fileId)));
      await until("the source to go", async () => (await pieces("sources-race")).length === 0);
    });
  });

  test("what is wrong is refused at either server, and counts nothing", async () => {
    await withServers("sources-refused", async (stack, _replica, api) => {
      const upload = await create(stack.api);
      const refusals = [
        [await upload.at(api).patch(5), 409, "upload_offset"],
        [await upload.patch(0, 9000, { "upload-checksum": `sha256 ${sha256(source).toString("base64")}` }), 460],
        [await upload.patch(0, 9000, { "upload-checksum": "md5 AAAA" }), 400, "malformed_request"],
        [await upload.patch(0, 9000, { "content-type": "text/plain" }), 415, "unsupported_media_type"],
        [await upload.at(new Api(api.url, "kv_wrong")).patch(0, 9000), 401],
      ];
      for (const [answer, status, code] of refusals) {
        assert.equal(answer.status, status, answer.bytes.toString());
        if (code) assert.equal(answer.json().error.code, code);
      }
      assert.equal(await upload.offset(), 0);
      for (let offset = 0; offset < 20; offset++) {
        const server = offset % 2 ? upload : upload.at(api);
        assert.equal((await server.patch(offset, offset + 1)).status, 204, "a byte each");
      }
      const checksum = { "upload-checksum": `sha256 ${sha256(source.subarray(20, 9020)).toString("base64")}` };
      assert.equal((await upload.patch(20, 9020, checksum)).status, 204);
      assert.equal(await upload.at(api).offset(), 9020);
    });
  });

  test("what is given up while it comes leaves nothing behind", async () => {
    await withServers("sources-cancelled", async (stack, _replica, api) => {
      const upload = await create(stack.api);
      assert.equal((await upload.patch(0, 9_000_000)).status, 204);
      const { request, answer } = upload.begin(9_000_000);
      request.write(source.subarray(9_000_000, 10_000_000));
      await sleep(300);
      assert.equal((await upload.at(api).cancel()).status, 204);
      request.end(source.subarray(10_000_000));
      assert.ok([409, 410].includes((await answer).status), "the other server hears of it with the next piece");
      assert.equal((await upload.patch(9_000_000)).status, 410);
      // What came after the removal goes with the next sweep, which every start begins with.
      await stack.killServer();
      await stack.startServer();
      await until("the bucket to be empty", async () => (await pieces("sources-cancelled")).length === 0);
    });
  });

  test("a source by URL is fetched by another server when the first one dies", async () => {
    const slow = createServer((_request, response) => {
      response.writeHead(200, { "content-length": source.length, "content-type": "video/mp4" });
      response.write(source.subarray(0, 12_000_000));
      slow.asked = (slow.asked ?? 0) + 1;
      if (slow.asked > 1) response.end(source.subarray(12_000_000));
    });
    await new Promise((resolve) => slow.listen(0, "127.0.0.1", resolve));
    try {
      await scene.withStack({ moto, folder }, "sources-pulled", "proxy", pulled, {
        KEYVEIL_FETCH_ALLOW_PRIVATE: "true",
      });
    } finally {
      slow.closeAllConnections();
      slow.close();
    }

    async function pulled(stack) {
      const url = `http://127.0.0.1:${slow.address().port}/clip.mp4`;
      const { fileId } = await stack.api.post("/v1/titles", { url, workflowId: await makeWorkflow(stack) });
      const begun = async () => (await pieces("sources-pulled")).length > 0;
      await until("a piece to be there", begun, { seen: () => stack.log });
      const replica = await stack.startReplica();
      await stack.killServer();
      assert.equal(slow.asked, 1);
      stack.api = new Api(replica.url, stack.apiKey);
      stack.startWorker({ url: replica.url });
      const title = await stack.reached(fileId, "published");
      assert.deepEqual([title.sizeBytes, slow.asked], [source.length, 2]);
      scene.checkLoaded(folder, stack, title, await scene.loadAll(await scene.play(stack, fileId)));
      await until("the source to go", async () => (await pieces("sources-pulled")).length === 0);
    }
  });
});
