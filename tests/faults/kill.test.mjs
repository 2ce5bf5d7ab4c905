// Server, worker and ffmpeg, each killed with SIGKILL while a title is uploaded, transcoded and encrypted. What a supervisor
// would start again is started again; then the title must be published, whole and encrypted, with nothing clear on any disk.
//
//               upload                transcoding   encrypting
//   server      yes                   yes           yes, before the commit and after it
//   worker      yes, waiting for work yes           yes
//   ffmpeg      none runs             yes           yes, the one that makes sprites: the one of the segments has ended by then
//
// A gate between worker and server makes a phase last until the kill, and the title's state is read right before it: a phase
// that is missed fails the test.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { ClearMedia } from "./lib/clear-media.mjs";
import * as finished from "./lib/finished.mjs";
import { Gate } from "./lib/gate.mjs";
import { killNow } from "./lib/processes.mjs";
import { Stack } from "./lib/stack.mjs";
import { Upload } from "./lib/tus.mjs";
import { until } from "./lib/wait.mjs";
import { makeWorkflow } from "./lib/workflow.mjs";

// More segments than worker and gate take in before they make ffmpeg wait.
const SECS = 16;
const SEGMENT_AFTER_FIRST = /^PUT .*\/media\/.*\/seg-0*[1-9]/;
const COMPLETE = /^POST .*\/complete$/;
const COVER = /^PUT .*\/media\/cover\.jpg$/;
const SOURCE = /^GET .*\/source$/;

let folder;
let source;

before(() => {
  folder = scratch();
  source = readFileSync(makeClip(folder, "mp4", { secs: SECS }));
});
after(() => remove(folder));

/** A stack with a gate and one worker behind it, and an upload that has been created. */
async function scene(settings) {
  const stack = await Stack.start();
  try {
    const gate = await Gate.open(stack.port);
    const scene = { stack, gate, known: new ClearMedia().add(source) };
    scene.startWorker = () => {
      scene.worker = stack.startWorker({ url: gate.url });
    };
    scene.startWorker();
    const workflowId = await makeWorkflow(stack, settings);
    scene.upload = await Upload.create(stack.api, source, { filename: "clip.mp4", name: "Clip", workflowId });
    scene.fileId = scene.upload.fileId;
    return scene;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Each phase: brings a scene into it, and answers what lets it go on. */
const PHASES = {
  /** Two thirds of the source are on the way: a part acknowledged, a part in a request that has not ended. */
  async uploading({ stack, upload }) {
    const acknowledged = source.length >> 2;
    assert.equal((await upload.patch(0, acknowledged)).status, 204);
    const stored = bytesBelow(join(stack.data, "uploads"));
    const { request } = upload.begin(acknowledged);
    request.write(source.subarray(acknowledged, (source.length * 2) / 3));
    const arrives = () => bytesBelow(join(stack.data, "uploads")) > stored;
    await until("the second request to arrive", arrives, { seen: () => `${stored} bytes` });
    return {
      async release() {
        request.destroy();
        const offset = await until("the upload to be free", () => upload.offset().catch(() => null));
        assert.ok(offset >= acknowledged, "what was acknowledged is there");
        assert.ok(offset < source.length);
        await upload.finish();
      },
    };
  },

  async transcoding({ gate, upload, worker, stack }) {
    const hold = gate.hold(SEGMENT_AFTER_FIRST, "middle");
    await upload.finish();
    await hold.held;
    assert.ok(stack.ffmpegOf(worker, "segments"), "ffmpeg runs");
    return hold;
  },

  async encrypting({ gate, upload }) {
    const hold = gate.hold(COMPLETE);
    await upload.finish();
    await hold.held;
    return hold;
  },

  /** The sprites come after the cover: held until the segments are done, then without a source to read. */
  async "encrypting, with sprites to make"({ gate, upload, stack, worker, fileId }) {
    const cover = gate.hold(COVER);
    await upload.finish();
    await cover.held;
    await stack.reached(fileId, "encrypting");
    const hold = gate.hold(SOURCE);
    cover.release();
    await hold.held;
    await until("ffmpeg to run for the sprites", () => stack.ffmpegOf(worker, "sprites"));
    return hold;
  },
};

const VICTIMS = {
  async server({ stack }) {
    await stack.killServer();
    return () => stack.startServer();
  },
  async worker({ stack, gate, worker, startWorker }) {
    await killNow(worker.pid);
    await until("the gate to notice", () => gate.clients === 0);
    const others = () => stack.processes().filter(({ pid }) => pid !== stack.serverPid);
    await until("nothing of the worker to be left", () => others().length === 0, {
      seen: () => JSON.stringify(others()),
    });
    return startWorker;
  },
  async ffmpeg({ stack, worker }) {
    await killNow(stack.ffmpegOf(worker, "segments") ?? stack.ffmpegOf(worker, "sprites"));
    return () => null;
  },
};

/** [victim, phase, state of the title then, attempts of the job at the end] */
const KILLS = [
  ["server", "uploading", "uploading", [1]],
  // A claim that waits at the server may still get the job after its worker's death: then the lease must run out first.
  ["worker", "uploading", "uploading", [1, 2]],
  ["server", "transcoding", "transcoding", [1]],
  ["worker", "transcoding", "transcoding", [2]],
  ["ffmpeg", "transcoding", "transcoding", [2]],
  ["server", "encrypting", "encrypting", [1]],
  ["worker", "encrypting", "encrypting", [2]],
  ["ffmpeg", "encrypting, with sprites to make", "encrypting", [2]],
];

describe("a kill loses nothing", { concurrency: 4 }, () => {
  for (const [victim, phase, state, attempts] of KILLS) {
    test(`${victim}, while ${phase}`, async () => {
      const on = await scene(phase === "uploading" ? { container: "ts" } : {});
      try {
        const hold = await PHASES[phase](on);
        await on.stack.reached(on.fileId, state);
        const restart = await VICTIMS[victim](on);
        finished.checkNothingClear(on.stack, on.known, "right after the kill");
        await restart();
        await hold.release();
        await checkPublished(on, attempts);
      } finally {
        await on.gate.close();
        await on.stack.stop();
      }
    });
  }

  test("server, after the commit and before the worker knows of it", async () => {
    const on = await scene();
    try {
      const hold = on.gate.hold(COMPLETE, "answer");
      await on.upload.finish();
      await hold.held;
      await on.stack.reached(on.fileId, "published");
      await on.stack.killServer();
      await on.stack.startServer();
      hold.release();
      await checkPublished(on, [1]);
    } finally {
      await on.gate.close();
      await on.stack.stop();
    }
  });
});

async function checkPublished({ stack, known, fileId }, attempts) {
  const title = await stack.reached(fileId, "published");
  const jobs = await stack.jobs(fileId);
  assert.deepEqual(
    jobs.map(({ state }) => state),
    ["done"],
  );
  assert.ok(attempts.includes(jobs[0].attempt), `attempt ${jobs[0].attempt}`);
  assert.equal(title.version, jobs[0].attempt, "the version is that of the attempt which was committed");
  assert.ok(title.coverUrl !== null && title.spritesUrl !== null, "its pictures are there");
  assert.equal(await finished.audited(stack, "title_published", fileId), 1);
  const clear = finished.checkSegments(stack, title, { secs: SECS });
  await finished.checkLeftovers(stack, [title]);
  for (const segment of clear) known.add(segment);
  finished.checkNothingClear(stack, known, "at the end");
  finished.checkSearchFinds(stack, source, clear[0]);
  await finished.checkEnds(stack);
}

function bytesBelow(place) {
  const sizes = readdirSync(place).map((name) => statSync(join(place, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}
