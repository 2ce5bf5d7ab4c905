// Two workers on one queue: each job is done once, and whoever comes too late commits nothing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { ClearMedia } from "./lib/clear-media.mjs";
import * as finished from "./lib/finished.mjs";
import { Gate } from "./lib/gate.mjs";
import { Stack } from "./lib/stack.mjs";
import { Upload } from "./lib/tus.mjs";
import { askForJob, claimByHand } from "./lib/worker.mjs";
import { makeWorkflow } from "./lib/workflow.mjs";

const TITLES = 20;
const SECS = 2;
const WITHOUT_PICTURES = { cover: null, sprites: null };

let folder;
let source;

before(() => {
  folder = scratch();
  source = readFileSync(makeClip(folder, "mp4", { secs: SECS, size: "320x180" }));
});
after(() => remove(folder));

async function queued(stack, workflowId, name) {
  const upload = await Upload.create(stack.api, source, { filename: "clip.mp4", name, workflowId });
  await upload.finish();
  return upload.fileId;
}

describe("one queue", { concurrency: 2 }, () => {
  test(`two workers do ${TITLES} jobs, each once`, async () => {
    const stack = await Stack.start();
    try {
      const workflowId = await makeWorkflow(stack, WITHOUT_PICTURES);
      const fileIds = [];
      for (let number = 0; number < TITLES; number++) fileIds.push(await queued(stack, workflowId, `Clip ${number}`));
      assert.deepEqual([...new Set((await stack.jobs()).map(({ state }) => state))], ["queued"]);
      for (const name of ["first", "second"]) stack.startWorker({ name });

      const titles = [];
      for (const fileId of fileIds) titles.push(await stack.reached(fileId, "published"));
      assert.deepEqual(
        titles.filter(({ version }) => version !== 1),
        [],
      );
      const jobs = await stack.jobs();
      assert.equal(jobs.length, TITLES);
      assert.deepEqual(new Set(jobs.map(({ fileId }) => fileId)), new Set(fileIds));
      assert.deepEqual(
        jobs.filter(({ state, attempt }) => state !== "done" || attempt !== 1),
        [],
      );
      const done = (name) => jobs.filter(({ worker }) => worker === name).length;
      assert.ok(done("first") > 0 && done("second") > 0, `${done("first")} and ${done("second")} jobs`);
      assert.equal(done("first") + done("second"), TITLES);
      for (const fileId of fileIds) assert.equal(await finished.audited(stack, "title_published", fileId), 1);

      for (const title of titles) finished.checkSegments(stack, title, { secs: SECS });
      await finished.checkLeftovers(stack, titles);
      finished.checkNothingClear(stack, new ClearMedia().add(source), "at the end");
      await finished.checkEnds(stack);
    } finally {
      await stack.stop();
    }
  });

  test("a worker that comes back after another got its job commits nothing", async () => {
    const stack = await Stack.start();
    const gate = await Gate.open(stack.port);
    try {
      const fileId = await queued(stack, await makeWorkflow(stack, WITHOUT_PICTURES), "Clip");
      const late = await claimByHand(stack, stack.workerKey);
      assert.deepEqual([late.fileId, late.attempt, late.version], [fileId, 1, 1]);
      // The control: while it holds the lease, all of these are taken.
      assert.equal((await late.heartbeat()).status, 200);
      assert.equal((await late.put("master.m3u8")).status, 204);
      assert.equal((await late.source()).status, 206);
      assert.equal((await late.complete()).json().error.code, "media_incomplete");

      // Once the lease has run out, another worker gets the job: a version of its own, held before it commits.
      const hold = gate.hold(/^POST .*\/complete$/);
      stack.startWorker({ url: gate.url });
      await hold.held;
      assert.equal((await stack.jobs(fileId))[0].version, 2);
      await checkRefused(late, "while the other has the job");
      hold.release();
      const title = await stack.reached(fileId, "published");
      await checkRefused(late, "after the job is done");

      const [job] = await stack.jobs(fileId);
      assert.deepEqual([job.state, job.attempt, title.version], ["done", 2, 2]);
      assert.deepEqual(await stack.title(fileId), title, "nothing of the title has changed");
      assert.equal(await finished.audited(stack, "title_published", fileId), 1);
      finished.checkSegments(stack, title, { secs: SECS });
      await finished.checkLeftovers(stack, [title]);
      await finished.checkEnds(stack);
    } finally {
      await gate.close();
      await stack.stop();
    }
  });

  test("a wrong or retired worker key gets no job, and its worker ends and says why", async () => {
    const stack = await Stack.start();
    try {
      await queued(stack, await makeWorkflow(stack, WITHOUT_PICTURES), "Clip");
      const [id] = stack.workerKey.split(".");
      const wrong = `${id.slice(0, -1)}${id.endsWith("A") ? "B" : "A"}${stack.workerKey.slice(id.length)}`;
      const retired = await stack.makeWorkerKey("retired");
      await stack.keyServer("worker", "retire", "--id", retired.apiKeyId);
      // The application's own key has every scope but that of a worker.
      for (const key of [wrong, retired.token, stack.apiKey]) {
        const { status } = await askForJob(stack, key);
        assert.ok(status === 401 || status === 403, `${status}`);
      }
      for (const key of [wrong, retired.token]) {
        const { code } = await stack.startWorker({ name: "refused", key }).ended;
        assert.equal(code, 1, stack.log);
        assert.match(stack.log, /worker_token_invalid/);
      }
      assert.deepEqual(
        (await stack.jobs()).map(({ state, attempt }) => [state, attempt]),
        [["queued", 0]],
      );
      assert.equal((await askForJob(stack, stack.workerKey)).status, 200, "a good key gets it");
      await finished.checkEnds(stack);
    } finally {
      await stack.stop();
    }
  });
});

async function checkRefused(late, when) {
  const requests = ["heartbeat", "put", "source", "fail", "complete"];
  for (const name of requests) {
    const answer = await late[name]("master.m3u8");
    assert.equal(answer.status, 409, `${name} ${when}: ${answer.bytes}`);
    assert.equal(answer.json().error.code, "lease_lost", `${name} ${when}`);
  }
}
