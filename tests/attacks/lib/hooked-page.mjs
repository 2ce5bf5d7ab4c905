// A browser context whose pages are hooked, and what their hooks got hold of.
import { findSecrets } from "../../e2e/lib/search.mjs";
import { PAGE_HOOKS } from "./page-hooks.mjs";

const CHUNK_BYTES = 8 << 20;

export async function hookedContext(browser) {
  const context = await browser.newContext();
  await context.addInitScript({ content: PAGE_HOOKS });
  return context;
}

/**
 * All that passed the hooks of a page's frames: { hooks: { name: { calls, contents, bytes, binaries, kinds } }, contents: [{ hooks, body }] }.
 * Throws where a hook did not keep all that it saw.
 */
export async function whatPassed(page) {
  const frames = await Promise.all(page.frames().map(passedIn));
  const hooks = {};
  for (const frame of frames)
    for (const [name, counts] of Object.entries(frame.hooks)) hooks[name] = plus(hooks[name], counts);
  return { hooks, contents: frames.flatMap(({ contents }) => contents) };
}

function plus(before = { kinds: {} }, counts) {
  const sum = { kinds: { ...before.kinds } };
  for (const [kind, count] of Object.entries(counts.kinds)) sum.kinds[kind] = (sum.kinds[kind] ?? 0) + count;
  for (const name of ["calls", "contents", "bytes", "binaries"]) sum[name] = (before[name] ?? 0) + counts[name];
  return sum;
}

/** The same of one frame of Playwright's, or of one target of tapped-page.mjs, such as a worker. */
export async function passedIn(frame) {
  const { hooks, sizes, dropped, failures } = await frame.evaluate(async () => {
    const { store, settled, quietly, failures } = globalThis.pageHooks;
    await settled();
    return quietly(() => {
      globalThis.pageHooks.taken = [...store.contents.values()];
      const sizes = globalThis.pageHooks.taken.map(({ bytes }) => bytes.length);
      return { hooks: Object.fromEntries(store.hooks), sizes, dropped: store.dropped, failures: failures() };
    });
  });
  if (dropped > 0 || failures > 0)
    throw new Error(`${urlOf(frame)}: ${dropped} contents were not kept, ${failures} not read`);
  const contents = [];
  while (contents.length < sizes.length) {
    const begin = contents.length;
    let end = begin;
    let bytes = 0;
    while (end < sizes.length && (end === begin || bytes + sizes[end] <= CHUNK_BYTES)) bytes += sizes[end++];
    contents.push(...(await take(frame, begin, end)));
  }
  return { hooks, contents };
}

const urlOf = ({ url }) => (typeof url === "string" ? url : "a frame");

/** In one text, because each value of an answer costs the browser's protocol more than its bytes. */
async function take(frame, begin, end) {
  const { base64, parts } = await frame.evaluate(
    ([from, to]) =>
      globalThis.pageHooks.quietly(() => {
        const taken = globalThis.pageHooks.taken.slice(from, to);
        const whole = new Uint8Array(taken.reduce((sum, { bytes }) => sum + bytes.length, 0));
        let at = 0;
        for (const { bytes } of taken) {
          whole.set(bytes, at);
          at += bytes.length;
        }
        const parts = taken.map(({ bytes, hooks }) => ({ length: bytes.length, hooks: [...hooks] }));
        return { base64: whole.toBase64(), parts };
      }),
    [begin, end],
  );
  const whole = Buffer.from(base64, "base64");
  let at = 0;
  return parts.map(({ length, hooks }) => {
    at += length;
    return { hooks, body: whole.subarray(at - length, at) };
  });
}

/** [{ secret, form, hooks }] for each content that holds one. */
export function keysPassed(secrets, contents) {
  const bodies = contents.map(({ body }, index) => ({ name: index, body }));
  return findSecrets(secrets, bodies).map(({ secret, form, where }) => ({
    secret,
    form,
    hooks: contents[where].hooks,
  }));
}

/** The hooks that one passed. */
export const hooksOf = (found) => [...new Set(found.flatMap(({ hooks }) => hooks))];

/** { hook: how many distinct contents } of those for which `isWanted(body)`. */
export function countByHook(contents, isWanted) {
  const counts = {};
  for (const { hooks, body } of contents) {
    if (!isWanted(body)) continue;
    for (const hook of hooks) counts[hook] = (counts[hook] ?? 0) + 1;
  }
  return counts;
}
