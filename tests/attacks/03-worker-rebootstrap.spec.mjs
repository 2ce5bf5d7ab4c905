// Workers started with a thief's code before their own, and no workers at all; and what such code sees where DevTools put it into the real worker.
import { closeContext } from "../e2e/lib/test.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { hooksOf, keysPassed, passedIn } from "./lib/hooked-page.mjs";
import { REBOOTSTRAP, withPolicy } from "./lib/rebootstrap.mjs";
import { kindsOf } from "./lib/secrets.mjs";
import { callsOf } from "./lib/taps.mjs";
import { playsFrom } from "./lib/watched-page.mjs";

/** Time enough to begin, which every other test shows. */
const PATIENCE_MS = 4000;

/** What the browser says of a worker that a policy, or a page under Trusted Types, does not let start. */
const POLICIES = /Content Security Policy|Trusted/;

/** Plays if it can. What the thief's code saw in each worker where it ran, and how far the player came. */
async function attacked(browser, url, { script, policy = null, plays = false }) {
  const context = await browser.newContext();
  if (policy !== null) await withPolicy(context, policy);
  await context.addInitScript({ content: script });
  const page = await context.newPage();
  const requests = [];
  context.on("request", (request) => requests.push(request.url()));
  const violations = [];
  page.on("console", (message) => POLICIES.test(message.text()) && violations.push(message.text()));
  await page.goto(url);
  const video = page.locator("video");
  if (plays) await playsAtOnce(video);
  else await page.waitForTimeout(PATIENCE_MS);
  const taken = [];
  for (const worker of page.workers()) {
    const isHooked = await worker.evaluate(() => globalThis.pageHooks !== undefined).catch(() => false);
    if (isHooked) taken.push(await passedIn(worker));
  }
  const counts = await page.evaluate(() => globalThis.rebootstrapped ?? null);
  const readyState = await video.evaluate((element) => element.readyState).catch(() => 0);
  await closeContext(context);
  const keys = requests.filter((one) => /\/v1\/(play|keys)$/.test(one)).length;
  const media = requests.filter((one) => /\.(m4s|ts)(\?|$)/.test(one)).length;
  return { taken, counts, readyState, keys, media, violations };
}

async function playsAtOnce(video) {
  await expect.poll(() => video.evaluate((element) => element.readyState), { timeout: 60_000 }).toBeGreaterThan(1);
  await video.evaluate((element) => {
    element.muted = true;
    return element.play();
  });
  await playsFrom(video, 0, 1);
}

test("a worker with code before its own does not run under a policy, and without workers nothing is loaded", async ({
  browser,
  target,
}) => {
  const plain = await attacked(browser, await target.standard.page(), { script: REBOOTSTRAP, plays: true });
  const contents = plain.taken.flatMap((one) => one.contents);
  const stolen = keysPassed(target.standard.secrets, contents);
  expect(stolen, "the keys of hls.js, whose worker starts so").not.toEqual([]);
  expect(plain.counts.ran, "code ran before its own").toBeGreaterThan(0);
  expect(plain.counts.scripts, "it makes its worker of a Blob").toBeGreaterThan(0);

  const ways = {
    "the server's own policy": null,
    "worker-src 'self' in the header": "header",
    "worker-src 'self' in a meta tag": "meta",
    "no policy": "none",
  };
  for (const [name, policy] of Object.entries(ways)) {
    const player = await attacked(browser, target.playerUrl(), { script: REBOOTSTRAP, policy });
    const found = keysPassed(
      target.secrets,
      player.taken.flatMap((one) => one.contents),
    );
    const secrets = new Set(found.map(({ secret }) => secret));
    record({
      attack: `Worker, SharedWorker and Blob prepend code, ${name}, sealed`,
      player: secrets.size,
      control: stolen.length,
      // Who serves the page decides on its policy: see docs/SECURITY.md, "A page that brings its own worker".
      tier: policy === "none" ? "costly" : "promised",
      figure: `code ran before ${player.counts.ran} of ${player.counts.workers} workers; ${player.keys} key requests, ${player.media} segments loaded, readyState ${player.readyState}`,
    });
    expect(player.counts.workers, "the attack was made").toBeGreaterThan(0);
    expect(player.counts.scripts, "the player makes no script of a Blob").toBe(0);
    if (policy === "none") {
      expect(player.counts.ran, "nothing but the policy keeps the thief's code out").toBeGreaterThan(0);
      continue;
    }
    expect(found).toEqual([]);
    expect([player.keys, player.media, player.readyState], "it fails closed").toEqual([0, 0, 0]);
    expect(player.counts.ran, "no code of the thief ran").toBe(0);
    expect(player.violations.length, "the policy stopped it").toBeGreaterThan(0);
  }

  const without = await attacked(browser, target.playerUrl(), { script: "delete globalThis.Worker;" });
  record({
    attack: "no Worker: nothing decrypts on the page instead, sealed",
    player: without.keys + without.media,
    control: contents.length,
    figure: `${without.keys} key requests, ${without.media} segments loaded, readyState ${without.readyState}`,
  });
  expect([without.keys, without.media, without.readyState], "it fails closed").toEqual([0, 0, 0]);
});

test("what hooks inside of the real worker see is told", async ({ taps }) => {
  const plain = await taps.plain();
  const stolen = keysPassed(
    plain.secrets,
    plain.workers.flatMap(({ contents }) => contents),
  );
  for (const level of ["sealed", "guarded"]) {
    const { workers, secrets, seeds } = await taps[level]();
    const found = keysPassed(
      secrets,
      workers.flatMap(({ contents }) => contents),
    );
    const kinds = kindsOf([...new Set(found.map(({ secret }) => secret))].map((name) => ({ name })));
    const seen = Object.entries(kinds)
      .map(([kind, count]) => `${count} × ${kind}`)
      .join(", ");
    record({
      attack: `DevTools hook the real worker before its first line, ${level}`,
      player: new Set(found.map(({ secret }) => secret)).size,
      control: stolen.length,
      tier: "costly",
      figure: `secrets: ${seen || "none"}, by ${hooksOf(found).join(", ") || "no hook"}; appendBuffer ${callsOf(/^SourceBuffer.appendBuffer$/, workers)} calls of clear media; ${seeds.length} random seeds of key exchanges`,
    });
    expect(callsOf(/./, workers), "the hooks were there").toBeGreaterThan(100);
  }
});
