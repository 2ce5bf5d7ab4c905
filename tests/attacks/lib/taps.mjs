// One playback under all hooks, in the page and inside of its workers, from before their first line: the classes 3, 4, 5 and 7 look at it each
// from its side.

import { hooksOf, keysPassed, passedIn } from "./hooked-page.mjs";
import { LEAK_ALL } from "./leaky-page.mjs";
import { DISGUISE, PAGE_HOOKS } from "./page-hooks.mjs";
import { secretsOfExchanges } from "./secrets.mjs";
import { openTapped, playTapped } from "./tapped-page.mjs";
import { WASM_HOOKS, wasmSeen } from "./wasm-hooks.mjs";

const HOOKS = DISGUISE + WASM_HOOKS + PAGE_HOOKS;
const SEED_BYTES = 32;

/** Each playback is made once for a worker of Playwright's: { sealed(), guarded(), plain() }. */
export function makeTaps(devtools, target) {
  const made = new Map();
  const once = (name, make) => () => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name);
  };
  return {
    sealed: once("sealed", () => tapPlayer(devtools, target, "sealed")),
    guarded: once("guarded", () => tapPlayer(devtools, target, "guarded")),
    plain: once("plain", () => tapPlain(devtools, target)),
  };
}

/**
 * { page, workers: [{ url, hooks, contents, wasm }], secrets, seeds, exchanges, play }. What stands for the page and for each worker is
 * what the hooks of page-hooks.mjs and wasm-hooks.mjs give; `secrets` are all there are, with what the random bytes that were seen in the
 * worker add.
 */
async function tapPlayer(devtools, target, level) {
  const tapped = await openTapped(devtools, { inPages: HOOKS, inWorkers: HOOKS });
  await tapped.goto(target.playerUrl(level));
  await playTapped(tapped, { secs: 9.5, rate: 3, seekTo: 20 });
  tapped.check();
  const taken = await takeAll(tapped);
  const exchanges = await tapped.network.exchanges();
  await tapped.close();
  const seeds = taken.workers.flatMap(({ contents }) =>
    contents
      .filter(({ hooks, body }) => hooks.includes("Crypto.getRandomValues") && body.length === SEED_BYTES)
      .map(({ body }) => body),
  );
  const secrets = [...target.secrets, ...secretsOfExchanges(target.keys, exchanges, seeds)];
  return { ...taken, secrets, seeds, exchanges };
}

/** hls.js on a standard title; then a key is leaked by each function, in its page and in its worker. */
async function tapPlain(devtools, { standard, secrets }) {
  const tapped = await openTapped(devtools, { inPages: HOOKS, inWorkers: HOOKS });
  await tapped.goto(await standard.page());
  await playTapped(tapped, { secs: 6, rate: 3 });
  tapped.check();
  const { name, hex } = secrets[1];
  const leaked = { name, hex };
  // Not those that leaking starts.
  const workers = [...tapped.workers];
  for (const one of [tapped.targets[0], ...workers]) await one.evaluate(`${LEAK_ALL}(${JSON.stringify(hex)})`);
  const taken = await takeAll(tapped, workers);
  await tapped.close();
  return { ...taken, secrets: standard.secrets, leaked };
}

async function takeAll(tapped, workers = tapped.workers) {
  const page = await takeFrom(tapped.targets[0]);
  const taken = [];
  for (const worker of workers) taken.push(await takeFrom(worker));
  return { page, workers: taken };
}

async function takeFrom(target) {
  return { url: target.url, ...(await passedIn(target)), wasm: await wasmSeen(target) };
}

/** [{ secret, form, hooks }] of what passed the hooks whose names `pattern` fits, in page or worker. */
export function leaksBy(pattern, secrets, places) {
  const contents = places
    .flatMap((place) => place.contents)
    .filter(({ hooks }) => hooks.some((hook) => pattern.test(hook)));
  const found = keysPassed(secrets, contents);
  return { found, hooks: hooksOf(found).filter((hook) => pattern.test(hook)), contents: contents.length };
}

/** How often the hooks were called whose names `pattern` fits. */
export const callsOf = (pattern, places) =>
  places
    .flatMap(({ hooks }) => Object.entries(hooks))
    .filter(([name]) => pattern.test(name))
    .reduce((sum, [, { calls }]) => sum + calls, 0);
