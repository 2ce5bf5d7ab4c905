// Segments from S3 itself in Chromium, at both levels: the server sends the player to presigned addresses, and the bucket's CORS
// lets pages read there. Without it nothing plays, so what plays here plays by it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "@playwright/test";
import { inRoot } from "../../scripts/lib/places.mjs";
import { makeClip } from "../e2e/lib/clips.mjs";
import { remove, scratch } from "../e2e/lib/installation.mjs";
import { Upload } from "../faults/lib/tus.mjs";
import { until } from "../faults/lib/wait.mjs";
import { makeWorkflow } from "../faults/lib/workflow.mjs";
import { Moto } from "../kms/lib/moto.mjs";
import config from "../playwright.config.mjs";
import * as scene from "./lib/scene.mjs";

let folder;
let moto;
let browser;

before(async () => {
  folder = scratch();
  moto = await Moto.start();
  browser = await chromium.launch({ ...config.use.launchOptions, headless: true });
});
after(async () => {
  await browser?.close();
  await moto?.kill();
  remove(folder);
});

/** A stack with real pages and a published title: `run(stack, fileId)`. */
async function withTitle(bucket, run) {
  const sdk = join(folder, bucket);
  const pages = {
    KEYVEIL_PAGES_WWW_DIR: inRoot("www/dist"),
    KEYVEIL_PAGES_SDK_DIRS: [sdk, inRoot("player-wasm/dist")].join(","),
  };
  const published = async (stack) => {
    await stack.keyServer("build", "write", "--sdk", inRoot("player-wasm/dist"), "--out", sdk);
    stack.startWorker();
    const clip = readFileSync(makeClip(folder, "mp4", { secs: scene.SECS, size: "320x180" }));
    const workflowId = await makeWorkflow(stack);
    const upload = await Upload.create(stack.api, clip, { filename: "clip.mp4", name: "Clip", workflowId });
    await upload.finish();
    await stack.reached(upload.fileId, "published");
    await run(stack, upload.fileId);
  };
  await scene.withStack({ moto, folder }, bucket, "redirect", published, pages);
}

/**
 * A page at `origin` with a player of that level, which asks the stack's own address: { page, answers, errors() }, where `answers` are
 * [status, origin that the browser named] of all segments that were loaded from the bucket.
 */
async function embed(stack, fileId, level, origin) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const answers = [];
  context.on("response", async (response) => {
    // Pictures are shown, not read: a page needs no leave for that.
    if (!response.url().startsWith(moto.url) || !/\.(m4s|mp4)\?/.test(response.url())) return;
    const { origin } = await response.request().allHeaders();
    // What the browser had already is not asked for.
    if (origin !== undefined) answers.push([response.status(), origin]);
  });
  const { psign } = await stack.api.post("/v1/player-signatures", { fileId });
  await page.goto(`${origin}/player/#file=none&psign=none`);
  await page.evaluate(
    async (attributes) => {
      await customElements.whenDefined("keyveil-player");
      const element = document.createElement("keyveil-player");
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      window.errors = [];
      element.addEventListener("error", ({ detail }) => window.errors.push(detail.code));
      document.body.replaceChildren(element);
    },
    { server: stack.url, "worker-url": "/sdk/worker.js", psign, level },
  );
  const video = page.locator("keyveil-player video");
  const start = (element) => {
    element.muted = true;
    return element.play().catch(() => null);
  };
  video.evaluate(start).catch(() => null);
  const at = () => video.evaluate(({ currentTime }) => currentTime);
  return { context, answers, at, errors: () => page.evaluate(() => window.errors) };
}

describe("segments from S3 in a browser", { concurrency: 1 }, () => {
  test("play at both levels, on the server's own pages and on others", async () => {
    await withTitle("browser-allowed", async (stack, fileId) => {
      await moto.allowPages("browser-allowed");
      const other = stack.url.replace("127.0.0.1", "localhost");
      for (const level of ["sealed", "guarded"]) {
        for (const [origin, named] of [
          [stack.url, stack.url],
          // After a redirect from one foreign origin to another.
          [other, "null"],
        ]) {
          const player = await embed(stack, fileId, level, origin);
          const seen = async () => `${level} ${origin}: ${await player.errors()} ${JSON.stringify(player.answers)}`;
          await until("the title to play to its end", async () => (await player.at()) > scene.SECS - 0.5, {
            seen,
            limitMs: 60_000,
          });
          assert.deepEqual(await player.errors(), [], await seen());
          assert.ok(player.answers.length > scene.SECS, await seen());
          for (const answer of player.answers) assert.deepEqual(answer, [200, named], await seen());
          await player.context.close();
        }
      }
    });
  });

  test("do not play where the bucket lets no page read", async () => {
    await withTitle("browser-refused", async (stack, fileId) => {
      for (const level of ["sealed", "guarded"]) {
        const player = await embed(stack, fileId, level, stack.url);
        const failed = async () => (await player.errors()).length > 0;
        await until("the player to say that it can't", failed, { limitMs: 90_000, seen: () => `${player.answers}` });
        assert.equal(await player.at(), 0);
        await player.context.close();
      }
    });
  });
});
