// WebCrypto takes keys as bytes, also those that it will not give back: hooks on it in the page, and inside of each worker.
import { expect, record, test } from "./lib/attacks.mjs";
import { callsOf, leaksBy } from "./lib/taps.mjs";

const SUBTLE = /^SubtleCrypto\./;
/** What can be given a key, or give one out. */
const NAMES = ["importKey", "unwrapKey", "deriveBits", "deriveKey", "decrypt", "exportKey"].map(
  (one) => `SubtleCrypto.${one}`,
);

test("WebCrypto is given no key of ours, in the page and in the worker", async ({ taps }) => {
  const plain = await taps.plain();
  const stolen = leaksBy(/^SubtleCrypto\.importKey$/, plain.secrets, [plain.page, ...plain.workers]);
  expect(stolen.found, "the keys of a plain player").not.toEqual([]);
  for (const place of [plain.page, ...plain.workers])
    expect(leaksBy(SUBTLE, [plain.leaked], [place]).hooks, `what leaks in ${place.url}`).toEqual(
      expect.arrayContaining(NAMES),
    );

  for (const level of ["sealed", "guarded"]) {
    const { page, workers, secrets } = await taps[level]();
    expect(workers.length, "a worker was tapped").toBeGreaterThan(0);
    const { found } = leaksBy(SUBTLE, secrets, [page, ...workers]);
    const calls = [callsOf(SUBTLE, [page]), callsOf(SUBTLE, workers)];
    record({
      attack: `hooks on all of SubtleCrypto, ${level}`,
      player: found.length,
      control: stolen.found.length,
      figure: `${calls[0]} calls in the page, ${calls[1]} in the worker; hls.js' keys are in importKey`,
    });
    expect(found).toEqual([]);
  }
});
