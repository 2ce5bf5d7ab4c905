// A whole installation on each engine that these tests can have: titles are made and played, the engine goes away, what was
// played plays on, what was not is refused with a time to come back at, and plays once the engine is back.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { Stack } from "../faults/lib/stack.mjs";
import { Upload } from "../faults/lib/tus.mjs";
import { until } from "../faults/lib/wait.mjs";
import { makeWorkflow } from "../faults/lib/workflow.mjs";
import { x25519 } from "../vectors/independent.mjs";
import { Moto } from "./lib/moto.mjs";
import { SoftHsm } from "./lib/softhsm.mjs";

let folder;
let source;

before(() => {
  folder = scratch();
  source = readFileSync(makeClip(folder, "mp4", { secs: 2, size: "320x180" }));
});
after(() => remove(folder));

/** A server that has unwrapped nothing yet, and titles with what it takes to play them: [{ fileId, psign }]. */
async function stackWithTitles(settings, count) {
  const stack = await Stack.start({ settings });
  try {
    const workflowId = await makeWorkflow(stack, { cover: null, sprites: null });
    stack.startWorker();
    const titles = [];
    for (let number = 0; number < count; number++) {
      const upload = await Upload.create(stack.api, source, {
        filename: "clip.mp4",
        name: `Clip ${number}`,
        workflowId,
      });
      await upload.finish();
      titles.push({ fileId: upload.fileId });
    }
    for (const title of titles) {
      await stack.reached(title.fileId, "published");
      const { psign } = await stack.api.post("/v1/player-signatures", { fileId: title.fileId });
      title.psign = psign;
    }
    [stack.buildId] = (await stack.keyServer("build", "list")).split(" ");
    await stack.killServer();
    await stack.startServer();
    return { stack, titles };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Asks for a title's first keys: without its secret there are none. */
function play(stack, { psign }) {
  const publicKey = x25519(randomBytes(32)).publicBytes.toString("base64url");
  return stack.api.ask("POST", "/v1/play", { psign, publicKey, buildId: stack.buildId });
}

async function plays(stack, title, why) {
  const answer = await play(stack, title);
  assert.equal(answer.status, 200, `${why}: ${answer.bytes}\n${stack.log}`);
  assert.ok(answer.json().grant, why);
}

async function isPutOff(stack, title, why) {
  const answer = await play(stack, title);
  assert.equal(answer.status, 503, `${why}: ${answer.bytes}`);
  assert.equal(answer.json().error.code, "kms_unavailable", why);
  assert.ok(Number(answer.headers["retry-after"]) >= 1, why);
}

const playsAgain = (stack, title) =>
  until("the title to play", async () => (await play(stack, title)).status === 200, { seen: () => stack.log });

describe("a server on each engine", { concurrency: 2 }, () => {
  test("aws: hangs, comes back, dies", async () => {
    const moto = await Moto.start();
    try {
      const { stack, titles } = await stackWithTitles(moto.settings, 3);
      try {
        const [known, second, third] = titles;
        await plays(stack, known, "while the engine answers");
        moto.hang();
        await plays(stack, known, "out of the cache");
        await isPutOff(stack, second, "while the engine hangs");
        moto.goOn();
        await playsAgain(stack, second);
        await moto.kill();
        for (const title of [known, second]) await plays(stack, title, "out of the cache");
        await isPutOff(stack, third, "after the engine's death");
        assert.ok(!stack.log.includes(known.psign), "the log holds no signature");
      } finally {
        await stack.stop();
      }
    } finally {
      await moto.kill();
    }
  });

  test("pkcs11: the token is pulled and put back; a new key takes over under playback", async () => {
    const hsm = await SoftHsm.start();
    try {
      const { stack, titles } = await stackWithTitles(hsm.settings, 2);
      try {
        const [known, other] = titles;
        await plays(stack, known, "while the token is there");
        hsm.pull();
        await plays(stack, known, "out of the cache");
        await isPutOff(stack, other, "without the token");
        hsm.putBack();
        await playsAgain(stack, other);

        await stack.keyServer("kms", "rotate", "--new-key", "--json");
        const status = JSON.parse(await stack.keyServer("kms", "status", "--json"));
        assert.match(JSON.stringify(status), /"pkcs11 2"/);
        assert.doesNotMatch(JSON.stringify(status), /"pkcs11 1"/);
        for (const title of titles) await plays(stack, title, "after the rotation");
        await stack.killServer();
        await stack.startServer();
        for (const title of titles) await plays(stack, title, "by the new key alone");
      } finally {
        await stack.stop();
      }
    } finally {
      hsm.remove();
    }
  });
});
