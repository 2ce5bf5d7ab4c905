// Decryption of segments in Chromium, one thread, copies included, as rows of `npm run bench`: ours beside what else there is.
// docs/BENCHMARKS.md says what is compared. The wasm is built with the target features and flags of the player's.
import { buildPage } from "./ciphers/build.mjs";
import { servePage } from "./ciphers/serve.mjs";

const MIB = 1 << 20;
const SIZES = [4 * MIB, MIB / 16];
/** Ours, and the least ratio to each peer that is aimed at, by size; null for none. */
const CIPHERS = [
  {
    name: "AES-128-CBC",
    measure: "measure",
    ours: "bitsliced-aes",
    goals: { "hls.js' JavaScript": [5, 5], "aes crate": [2.5, 2.5], WebCrypto: [1, 0.6] },
  },
  {
    name: "ChaCha20-Poly1305",
    measure: "measureChunks",
    ours: "simd-chacha",
    goals: { "chacha20poly1305 crate": [1.26, 1.26] },
  },
];

/** MiB/s of all rounds and of the fastest call by name of implementation, for each cipher and size. */
async function speeds(browser, rounds, log) {
  const page = await servePage(await buildPage());
  const tab = await browser.newPage();
  try {
    tab.on("pageerror", (error) => log(String(error)));
    await tab.goto(page.url);
    await tab.waitForFunction(() => window.ready === true);
    const all = [];
    for (const cipher of CIPHERS) {
      for (const [at, size] of SIZES.entries()) {
        log(`${cipher.name}, ${sizeName(size)}`);
        const measured = await tab.evaluate(
          ([name, size, rounds]) => window[name](size, rounds),
          [cipher.measure, size, rounds],
        );
        all.push({ cipher, at, size, measured });
      }
    }
    return all;
  } finally {
    await tab.close();
    page.close();
  }
}

const sizeName = (size) => (size >= MIB ? `${size / MIB} MiB` : `${size / 1024} KiB`);

export async function rows({ rounds, quick, browser, log }) {
  const all = await speeds(await browser(), quick ? Math.min(rounds, 3) : rounds, log);
  return all.flatMap(({ cipher, at, size, measured }) =>
    Object.entries(cipher.goals).map(([peer, goals]) => ({
      group: "Segment ciphers",
      metric: `${cipher.name} beside ${peer}, ${sizeName(size)}`,
      unit: "MiB/s",
      ours: measured[cipher.ours].rounds,
      peers: [{ name: peer, value: measured[peer].rounds }],
      goal: { peer, kind: "ratio", atLeast: goals[at] },
      note: `fastest calls: ${measured[cipher.ours].fastest.toFixed(0)} and ${measured[peer].fastest.toFixed(0)} MiB/s`,
    })),
  );
}
