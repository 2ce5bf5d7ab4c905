// What a thief's hooks on the page's functions get hold of: nothing clear at the sealed level, all of the media at the guarded one, and no
// key at either.
import { publishedSegments } from "../e2e/lib/published.mjs";
import { ClearMedia, clearForm } from "../faults/lib/clear-media.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { countByHook, hookedContext, hooksOf, keysPassed, whatPassed } from "./lib/hooked-page.mjs";
import { leak } from "./lib/leaky-page.mjs";
import { secretsOfExchanges } from "./lib/secrets.mjs";
import { playThrough, watchExchanges } from "./lib/watched-page.mjs";

/** What the same hooks find where it is: a key that a page puts through each of them, and those of plain hls.js. */
async function control(browser, { standard, secrets }) {
  const context = await hookedContext(browser);
  const leaky = await context.newPage();
  const { name, hex } = secrets[1];
  await leak(leaky, hex);
  const leaked = await whatPassed(leaky);
  await leaky.close();
  const found = hooksOf(keysPassed([{ name, hex }], leaked.contents));
  expect(Object.keys(leaked.hooks).length).toBeGreaterThan(70);
  expect(Object.keys(leaked.hooks).filter((hook) => !found.includes(hook))).toEqual([]);

  const plain = await context.newPage();
  await plain.goto(await standard.page());
  await playThrough(plain, { rate: 4 });
  const { contents } = await whatPassed(plain);
  await context.close();
  const stolen = hooksOf(keysPassed(standard.secrets, contents));
  expect(stolen, "the keys of a plain player").toContain("XMLHttpRequest.response");
  return { hooks: found.length, stolen: stolen.length };
}

/** The segments of a title in clear, to be found again. */
function clearMediaOf(title) {
  const known = new ClearMedia();
  const segments = [...publishedSegments(title.folder, title.keys)];
  for (const { clear } of segments) known.add(clear);
  for (const { path, clear, ciphertext } of segments) {
    expect(known.find(clear), `${path} is known`).not.toBe(-1);
    expect(known.find(ciphertext), `${path} is not clear as it is published`).toBe(-1);
  }
  return known;
}

async function hookedPlayback(browser, title, level) {
  const context = await hookedContext(browser);
  const exchanges = watchExchanges(context);
  const page = await context.newPage();
  await page.goto(title.playerUrl(level));
  await playThrough(page);
  const passed = await whatPassed(page);
  const secrets = [...title.secrets, ...secretsOfExchanges(title.keys, await exchanges())];
  await context.close();
  return { ...passed, leaks: keysPassed(secrets, passed.contents), secrets };
}

function expectHooksOf(level, container, { hooks, contents }, clear) {
  const calls = Object.fromEntries(Object.entries(hooks).map(([name, hook]) => [name, hook.calls]));
  // The hooks were there: what a page does at any level passed them.
  for (const name of ["Worker constructor", "Worker.postMessage", "Worker message", "Array.join"])
    expect(calls[name], name).toBeGreaterThan(0);
  if (level === "sealed") {
    expect(clear, "clear media by hook").toEqual({});
    expect(countByHook(contents, (body) => clearForm(body) !== null)).toEqual({});
    expect(hooks["Worker message"].binaries, "buffers and blobs from workers").toBe(0);
    expect(hooks["HTMLMediaElement.srcObject"].kinds.MediaSourceHandle).toBeGreaterThan(0);
    expect(hooks["URL.createObjectURL"].kinds).toEqual({});
    expect(calls["MediaSource.addSourceBuffer"]).toBe(0);
    expect(calls["SourceBuffer.appendBuffer"]).toBe(0);
  } else {
    // The same hooks, so that what they miss is not taken for something that is not there.
    // hls.js gives its own worker what has to be transmuxed, and fMP4 has not.
    const toWorker = container === "ts" ? ["Worker.postMessage"] : [];
    for (const name of ["SourceBuffer.appendBuffer", "Worker message", ...toWorker])
      expect(clear[name], `clear media in ${name}`).toBeGreaterThan(0);
    const typed = Object.keys(clear).filter((name) => name.startsWith("TypedArray"));
    expect(typed, "clear media in typed arrays").not.toEqual([]);
    expect(calls["MediaSource.addSourceBuffer"]).toBeGreaterThan(0);
    expect(hooks["URL.createObjectURL"].kinds.MediaSource).toBeGreaterThan(0);
  }
}

/** Once for both. */
let caught = null;

for (const container of ["fmp4", "ts"]) {
  test(`hooks see clear media at the guarded level only, and a key at none, ${container}`, async ({
    browser,
    target,
  }) => {
    const title = container === "ts" ? await target.ts() : target;
    const known = clearMediaOf(title);
    caught ??= await control(browser, target);
    for (const level of ["sealed", "guarded"]) {
      const passed = await hookedPlayback(browser, title, level);
      const { contents, leaks, secrets, hooks } = passed;
      const clear = countByHook(contents, (body) => known.find(body) !== -1);
      const calls = Object.values(hooks).reduce((sum, one) => sum + one.calls, 0);
      const media = Object.values(clear).reduce((sum, count) => sum + count, 0);
      record({
        attack: `${Object.keys(hooks).length} hooks in the page, ${container}, ${level}: keys`,
        player: leaks.length,
        control: caught.hooks,
        figure: `${calls} calls, ${contents.length} contents, ${secrets.length} secrets; hls.js' keys passed ${caught.stolen} hooks; clear media passed ${media} times`,
      });
      expect(leaks, "no key passed").toEqual([]);
      expectHooksOf(level, container, passed, clear);
    }
  });
}
