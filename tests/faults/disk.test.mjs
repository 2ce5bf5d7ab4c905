// A disk that is full, while a source comes in and while its segments are stored: told by a code, and nothing is lost.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { ClearMedia } from "./lib/clear-media.mjs";
import * as finished from "./lib/finished.mjs";
import { cannotMount, mountSmall, remount, unmount } from "./lib/small-disk.mjs";
import { Stack } from "./lib/stack.mjs";
import { Upload } from "./lib/tus.mjs";
import { until } from "./lib/wait.mjs";
import { makeWorkflow } from "./lib/workflow.mjs";

const SECS = 4;
const ENOUGH = "64m";

let folder;
let source;

before(() => {
  folder = scratch();
  source = readFileSync(makeClip(folder, "mp4", { secs: SECS }));
});
after(() => remove(folder));

/** A stack one of whose folders is a disk of so many bytes. */
async function withSmallDisk(name, bytes, work) {
  let place;
  const prepare = (stack) => {
    place = join(stack.data, name);
    mkdirSync(place, { recursive: true });
    mountSmall(place, bytes);
  };
  const stack = await Stack.start({ prepare });
  try {
    await work(stack, () => remount(place, ENOUGH));
  } finally {
    await stack.stopProcesses().catch(() => null);
    unmount(place);
    await stack.stop();
  }
}

async function checkPublished(stack, fileId) {
  const title = await stack.reached(fileId, "published");
  const known = new ClearMedia().add(source);
  for (const segment of finished.checkSegments(stack, title, { secs: SECS })) known.add(segment);
  await finished.checkLeftovers(stack, [title]);
  finished.checkNothingClear(stack, known, "at the end");
  await finished.checkEnds(stack);
}

describe("a full disk", { concurrency: 2, skip: cannotMount() ?? false }, () => {
  test("uploads: refused with no_space, and goes on from what was taken", async () => {
    await withSmallDisk("uploads", source.length >> 1, async (stack, makeSpace) => {
      stack.startWorker();
      const workflowId = await makeWorkflow(stack);
      const upload = await Upload.create(stack.api, source, { filename: "clip.mp4", name: "Clip", workflowId });
      const first = source.length >> 2;
      assert.equal((await upload.patch(0, first)).status, 204);
      const refused = await upload.patch(first);
      assert.equal(refused.status, 507, `${refused.bytes}`);
      assert.equal(refused.json().error.code, "no_space");
      const offset = await upload.offset();
      assert.ok(offset >= first && offset < source.length, `${offset} of ${source.length}`);
      assert.equal((await stack.title(upload.fileId)).state, "uploading");
      makeSpace();
      await upload.finish();
      await checkPublished(stack, upload.fileId);
    });
  });

  test("media: the job says no_space, and a later attempt does it", async () => {
    await withSmallDisk("media", 64 * 1024, async (stack, makeSpace) => {
      stack.startWorker();
      const workflowId = await makeWorkflow(stack);
      const upload = await Upload.create(stack.api, source, { filename: "clip.mp4", name: "Clip", workflowId });
      await upload.finish();
      const told = async () => {
        const [job] = await stack.jobs(upload.fileId);
        return job.failure?.code === "no_space" && job;
      };
      const job = await until("the job to say no_space", told, {
        seen: async () => `${JSON.stringify(await stack.jobs(upload.fileId))}\n${stack.log}`,
      });
      makeSpace();
      if (job.state === "failed") await stack.api.post(`/v1/titles/${upload.fileId}/retry`);
      await checkPublished(stack, upload.fileId);
    });
  });
});
