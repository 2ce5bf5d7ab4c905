// Workers that are to take no more jobs: drained by someone, or told to end. What they have is done, or is given back at once.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import * as finished from "./lib/finished.mjs";
import { Gate } from "./lib/gate.mjs";
import { isAlive } from "./lib/processes.mjs";
import { Stack } from "./lib/stack.mjs";
import { Upload } from "./lib/tus.mjs";
import { until } from "./lib/wait.mjs";
import { makeWorkflow } from "./lib/workflow.mjs";

const SECS = 2;
/** A claim's lease: what is given back is taken by another worker long before it could have run out. */
const LEASE_MS = 30_000;

let folder;
let source;

before(() => {
  folder = scratch();
  source = readFileSync(makeClip(folder, "mp4", { secs: SECS, size: "320x180" }));
});
after(() => remove(folder));

/** A stack with two jobs, of which a worker holds the first, finished but for its last word. */
async function withJobHeld(more, then) {
  const stack = await Stack.start();
  const gate = await Gate.open(stack.port);
  try {
    const workflowId = await makeWorkflow(stack, { cover: null, sprites: null });
    const fileIds = [];
    for (const name of ["First", "Second"]) {
      const upload = await Upload.create(stack.api, source, { filename: "clip.mp4", name, workflowId });
      await upload.finish();
      fileIds.push(upload.fileId);
    }
    const hold = gate.hold(/^POST .*\/complete$/);
    const worker = stack.startWorker({ name: "first", url: gate.url, more });
    await hold.held;
    const [listed] = JSON.parse(await stack.keyServer("worker", "list", "--json"));
    assert.deepEqual([listed.name, listed.state, listed.jobsRunning], ["first", "online", 1]);
    assert.ok(listed.encoders.includes("libx264") && listed.kinds.includes("package"), JSON.stringify(listed));
    const jobs = await stack.jobs();
    const held = jobs.find(({ state }) => state === "running");
    assert.ok(held && jobs.some(({ state, attempt }) => state === "queued" && attempt === 0), JSON.stringify(jobs));
    const other = fileIds.find((fileId) => fileId !== held.fileId);
    await then({ stack, gate, hold, worker, held, other, id: listed.workerId });
    await finished.checkEnds(stack);
  } finally {
    await gate.close();
    await stack.stop();
  }
}

const untouched = async (stack, fileId) => {
  const [{ state, attempt }] = await stack.jobs(fileId);
  assert.deepEqual([state, attempt], ["queued", 0], "the other job was not taken");
};

describe("workers that take no more jobs", { concurrency: 2 }, () => {
  test("drained by a command, a worker finishes what it has and ends where it was told to", async () => {
    await withJobHeld(["--exit-when-drained"], async ({ stack, hold, worker, held, other, id }) => {
      await stack.keyServer("worker", "drain", id);
      await wait(3000);
      assert.ok(isAlive(worker.pid), "it waits for its job");
      assert.equal((await stack.api.get("/v1/workers")).workers[0].state, "draining");
      hold.release();
      assert.equal((await worker.ended).code, 0, stack.log);
      const title = await stack.reached(held.fileId, "published");
      assert.equal(title.version, 1);
      const again = stack.startWorker({ name: "first", more: ["--exit-when-drained"] });
      assert.equal((await again.ended).code, 0, "started again, it is drained still");
      await untouched(stack, other);
      stack.startWorker({ name: "second", more: ["--id", "second"] });
      await stack.reached(other, "published");
    });
  });

  test("drained by the API, a worker stays and goes on when it is undrained", async () => {
    await withJobHeld([], async ({ stack, hold, worker, held, other, id }) => {
      await stack.api.post(`/v1/workers/${id}/drain`);
      hold.release();
      await stack.reached(held.fileId, "published");
      await wait(3000);
      await untouched(stack, other);
      assert.ok(isAlive(worker.pid));
      assert.equal((await stack.api.post(`/v1/workers/${id}/undrain`)).state, "online");
      await stack.reached(other, "published");
      assert.ok(isAlive(worker.pid));
    });
  });

  test("told to end, a worker finishes what it has within its grace", async () => {
    await withJobHeld(["--grace", "60"], async ({ stack, hold, worker, held, other }) => {
      process.kill(worker.pid, "SIGTERM");
      const leaving = async () => (await stack.api.get("/v1/workers")).workers[0].state === "draining";
      await until("the server to hear of it", leaving, { seen: () => stack.log });
      assert.ok(isAlive(worker.pid), "it waits for its job");
      hold.release();
      assert.equal((await worker.ended).code, 0, stack.log);
      await stack.reached(held.fileId, "published");
      assert.equal((await stack.jobs(held.fileId))[0].attempt, 1);
      await untouched(stack, other);
    });
  });

  test("what is not done within the grace is given back, and another worker has it at once", async () => {
    await withJobHeld(["--grace", "1"], async ({ stack, worker, held, other }) => {
      const begun = Date.now();
      process.kill(worker.pid, "SIGTERM");
      assert.equal((await worker.ended).code, 0, stack.log);
      const [job] = await stack.jobs(held.fileId);
      assert.deepEqual([job.state, job.attempt, job.failure.code], ["queued", 0, "interrupted"]);
      stack.startWorker({ name: "second" });
      for (const fileId of [held.fileId, other]) await stack.reached(fileId, "published");
      assert.ok(Date.now() - begun < LEASE_MS, `${Date.now() - begun} ms`);
      const [again] = await stack.jobs(held.fileId);
      assert.deepEqual([again.worker, again.attempt, again.version], ["second", 1, 2]);
    });
  });

  test("killed and started again, a worker has its id again and room for jobs", async () => {
    await withJobHeld([], async ({ stack, gate, worker, other, id }) => {
      process.kill(worker.pid, "SIGKILL");
      await worker.ended;
      await gate.close();
      stack.startWorker({ name: "again" });
      await stack.reached(other, "published");
      const { workers } = await stack.api.get("/v1/workers");
      assert.deepEqual(
        workers.map(({ workerId, name }) => [workerId, name]),
        [[id, "again"]],
      );
    });
  });
});
