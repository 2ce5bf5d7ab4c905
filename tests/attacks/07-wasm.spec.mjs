// WebAssembly: its functions are hooked in the page and inside of the worker, and all of the decryptor's memory is looked at after each call into
// it. Page code has no handle on that memory; who is in the worker before its script has.
import { findSecrets } from "../e2e/lib/search.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { kindsOf } from "./lib/secrets.mjs";
import { openTapped } from "./lib/tapped-page.mjs";
import { WASM_HOOKS, wasmSeen } from "./lib/wasm-hooks.mjs";

const LASTING = /^(title secret|period key)/;
const EVERYTHING = /./;

/** A module with memory and one function, by hand: `leak(at, word)` writes four bytes. */
const LEAKY_MODULE = [
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x06, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x00],
  ...[0x03, 0x02, 0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x02],
  ...[0x07, 0x11, 0x02, 0x06, ...Buffer.from("memory"), 0x02, 0x00, 0x04, ...Buffer.from("leak"), 0x00, 0x00],
  ...[0x0a, 0x0b, 0x01, 0x09, 0x00, 0x20, 0x00, 0x20, 0x01, 0x36, 0x02, 0x00, 0x0b],
];

/** Starts it in each way there is; each instance gets the key across two pieces of its memory, and wipes it again. */
const LEAK = async ([module, hex]) => {
  const bytes = Uint8Array.from(module);
  const words = hex.match(/.{8}/g).map((text) => Number.parseInt(text.match(/../g).reverse().join(""), 16) | 0);
  const streamed = () => new Response(bytes, { headers: { "Content-Type": "application/wasm" } });
  const made = [
    (await WebAssembly.instantiate(bytes)).instance,
    (await WebAssembly.instantiateStreaming(streamed())).instance,
    new WebAssembly.Instance(new WebAssembly.Module(bytes)),
    await WebAssembly.instantiate(await WebAssembly.compile(bytes)),
    await WebAssembly.instantiate(await WebAssembly.compileStreaming(streamed())),
  ];
  for (const [number, { exports }] of made.entries()) {
    const at = 65536 - 16 - 4 * number;
    for (const [index, word] of words.entries()) exports.leak(at + 4 * index, word);
    for (const index of words.keys()) exports.leak(at + 4 * index, 0);
  }
};

/** The same hooks and the same search on a module that has the key in its memory for a moment. */
async function control(devtools, { name, hex }) {
  const tapped = await openTapped(devtools, { inPages: WASM_HOOKS });
  await tapped.goto("data:text/html,leaky");
  await tapped.until("globalThis.wasmHooks !== undefined");
  const [page] = tapped.targets;
  await page.evaluate(LEAK, [LEAKY_MODULE, hex]);
  const { calls, exported, contents } = await wasmSeen(page);
  await tapped.close();
  expect(Object.entries(calls).filter(([, count]) => count === 0)).toEqual([]);
  expect(exported.length).toBe(5);
  return findSecrets([{ name, hex }], contents).length;
}

test("the decryptor's memory has neither title secret nor period key, whenever it is looked at", async ({
  devtools,
  taps,
  target,
}) => {
  const caught = await control(devtools, target.secrets[1]);
  for (const level of ["sealed", "guarded"]) {
    const { page, workers, secrets } = await taps[level]();
    const started = ({ wasm }) => Object.values(wasm.calls).reduce((sum, count) => sum + count, 0);
    expect(started(page), "the page has nothing to do with WebAssembly").toBe(0);
    const [worker] = workers.filter((one) => started(one) > 0);
    const calls = JSON.stringify(workers.map(({ url, wasm }) => [url, wasm.calls]));
    expect(worker, `${level}: a worker starts WebAssembly, of ${calls}`).toBeDefined();
    const { taken, contents, modules } = worker.wasm;
    const found = findSecrets(secrets, [...contents, ...modules.map((body) => ({ name: "the module", body }))]);
    const looks = `${taken.count} looks at ${(taken.memoryBytes / 1e6).toFixed(1)} MB: at start, after each call, at the end`;
    const inMemory = (pattern) => found.filter(({ secret }) => pattern.test(secret));
    const lasting = inMemory(LASTING);
    record({
      attack: `hooks in the worker, memory searched, ${level}: title secret, period keys`,
      player: lasting.length,
      control: caught,
      figure: looks,
    });
    const others = new Map(
      found.filter(({ secret }) => !LASTING.test(secret)).map((one) => [one.secret, { name: one.secret }]),
    );
    record({
      attack: `the same, ${level}: every other secret`,
      player: others.size,
      control: caught,
      tier: "costly",
      figure: described(others, secrets),
    });
    expect(contents.length, "memory was looked at").toBeGreaterThan(20);
    expect(inMemory(EVERYTHING).filter(({ where }) => where === "the module")).toEqual([]);
    expect(lasting).toEqual([]);
  }
});

function described(others, secrets) {
  const all = kindsOf(secrets);
  const seen = Object.entries(kindsOf([...others.values()])).map(
    ([kind, count]) => `${count} of ${all[kind]} × ${kind}`,
  );
  return seen.length > 0 ? seen.join(", ") : `none of ${secrets.length}`;
}
