// Uploads by clients as they are, over a server that is killed in the middle and started again.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import tus from "tus-js-client";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { ClearMedia } from "./lib/clear-media.mjs";
import * as finished from "./lib/finished.mjs";
import { Gate } from "./lib/gate.mjs";
import { killNow } from "./lib/processes.mjs";
import { Stack } from "./lib/stack.mjs";
import { makeWorkflow } from "./lib/workflow.mjs";

const SECS = 6;

let folder;
let clip;

before(() => {
  folder = scratch();
  clip = makeClip(folder, "mp4", { secs: SECS });
});
after(() => remove(folder));

/** Kills the server when it has half of a PATCH, and starts it again. */
async function killDuring(stack, gate, uploaded) {
  const patch = gate.hold(/^PATCH \/v1\/uploads\//, "middle");
  await Promise.race([patch.held, uploaded]);
  assert.deepEqual(
    (await stack.api.all("/v1/titles", "titles")).map(({ state }) => state),
    ["uploading"],
  );
  await stack.killServer();
  await stack.startServer();
  patch.release();
}

/** The one title that the one upload made. */
async function onlyTitle(stack) {
  const titles = await stack.api.all("/v1/titles", "titles");
  assert.equal(titles.length, 1, "one upload made one title");
  return titles[0];
}

async function checkPublished(stack, fileId) {
  const source = readFileSync(clip);
  const known = new ClearMedia().add(source);
  const title = await stack.reached(fileId, "published");
  const clear = finished.checkSegments(stack, title, { secs: SECS });
  assert.equal(title.sizeBytes, source.length);
  await finished.checkLeftovers(stack, [title]);
  for (const segment of clear) known.add(segment);
  finished.checkNothingClear(stack, known, "at the end");
  await finished.checkEnds(stack);
}

describe("an upload survives the server's death", { concurrency: 2 }, () => {
  test("tus-js-client", async () => {
    const stack = await Stack.start();
    const gate = await Gate.open(stack.port);
    try {
      stack.startWorker();
      const metadata = { filename: "clip.mp4", name: "Clip", workflowId: await makeWorkflow(stack) };
      const seen = { offsets: [], retries: 0 };
      const uploaded = new Promise((resolve, reject) => {
        const upload = new tus.Upload(readFileSync(clip), {
          endpoint: `${gate.url}/v1/uploads`,
          headers: stack.api.authorization,
          metadata,
          chunkSize: Math.ceil(statSync(clip).size / 3),
          retryDelays: [100, 500, 1000, 2000, 5000],
          onShouldRetry() {
            seen.retries++;
            return true;
          },
          onChunkComplete: (_size, accepted) => seen.offsets.push(accepted),
          onError: reject,
          onSuccess: () => resolve(upload.url),
        });
        upload.start();
      });
      await killDuring(stack, gate, uploaded);
      assert.match(await uploaded, /\/v1\/uploads\//);
      assert.ok(seen.retries > 0, "it noticed");
      assert.equal(seen.offsets.at(-1), statSync(clip).size);
      await checkPublished(stack, (await onlyTitle(stack)).fileId);
    } finally {
      await gate.close();
      await stack.stop();
    }
  });

  test("packager upload", async () => {
    const stack = await Stack.start();
    const gate = await Gate.open(stack.port);
    try {
      stack.startWorker();
      const uploaded = stack.packager(uploadArgs(await makeWorkflow(stack)), uploadEnv(stack, gate));
      await killDuring(stack, gate, uploaded);
      const said = await uploaded;
      const { fileId } = await onlyTitle(stack);
      assert.ok(said.includes(fileId), said);
      await checkPublished(stack, fileId);
    } finally {
      await gate.close();
      await stack.stop();
    }
  });

  test("packager upload, killed too and given again", async () => {
    const stack = await Stack.start();
    const gate = await Gate.open(stack.port);
    try {
      stack.startWorker();
      const args = uploadArgs(await makeWorkflow(stack));
      const first = stack.beginPackager(args, uploadEnv(stack, gate));
      const patch = gate.hold(/^PATCH \/v1\/uploads\//, "middle");
      await Promise.race([patch.held, first.ended]);
      await killNow(first.pid);
      await stack.killServer();
      await stack.startServer();
      patch.release();
      await stack.packager(args, uploadEnv(stack, gate));
      await checkPublished(stack, (await onlyTitle(stack)).fileId);
    } finally {
      await gate.close();
      await stack.stop();
    }
  });
});

const uploadArgs = (workflow) => ["upload", clip, "--name", "Clip", "--workflow", workflow, "--progress", "json"];
const uploadEnv = (stack, gate) => ({ KEYVEIL_SERVER: gate.url, KEYVEIL_API_KEY: stack.apiKey });
