// Decryption while segments arrive, in Chromium: how long after its last byte a segment is there, what it costs by length, and whether hls.js
// still sees the link as it is. docs/BENCHMARKS.md says what is compared.
import { bandwidthRows } from "./streaming/bandwidth.mjs";
import { serve } from "./streaming/server.mjs";
import { workerMs } from "./streaming/worker-time.mjs";

const GROUP = "Streaming decryption";
const MIB = 1 << 20;
const CIPHERS = ["aes-128-cbc", "chacha20-poly1305"];
/** Of the link on which segments are waited for, in bytes per second. */
const RATE = 16 * MIB;
const READY_LENGTHS = [1, 4, 16].map((mib) => mib * MIB);
const GROWTH_LENGTHS = [1 / 16, 1 / 4, 1, 4, 16, 32].map((mib) => mib * MIB);
/** What each length is measured on, so that each is as exact. */
const GROWTH_BYTES = 32 * MIB;

export async function rows(context) {
  const browser = await context.browser();
  const server = await serve(context.scratch());
  const tab = await browser.newPage();
  try {
    await tab.goto(server.url);
    const worker = await started(tab, server);
    return [
      ...(await readyRows(worker, server, context)),
      ...(await growthRows(worker, server, context)),
      ...(await bandwidthRows(context, GROUP)),
    ];
  } finally {
    await tab.close();
    await server.close();
  }
}

/** A function that has the worker answer: `(name, given) => value`. */
async function started(tab, server) {
  await tab.evaluate(() => {
    const worker = new Worker("/worker.js", { type: "module" });
    const waiting = new Map();
    let last = 0;
    worker.onmessage = ({ data: { id, value, error } }) => {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) resolve(value);
      else reject(new Error(error));
    };
    window.ask = (name, given) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        worker.postMessage({ id: last, name, given });
      });
  });
  const ask = (name, given) => tab.evaluate(([name, given]) => window.ask(name, given), [name, given]);
  await ask("start", { server: server.url, sha256: server.sha256 });
  return ask;
}

async function readyRows(ask, server, { rounds, log }) {
  const figures = new Map();
  const note = (key, value) => figures.set(key, [...(figures.get(key) ?? []), value]);
  // The first is for the compilers.
  for (let round = -1; round < rounds; round++) {
    for (const length of READY_LENGTHS) {
      for (const cipher of CIPHERS) {
        const segment = server.segment(cipher, length, RATE);
        const names = round & 1 ? ["asItComes", "atItsEnd"] : ["atItsEnd", "asItComes"];
        for (const name of names) {
          const { waitMs, length: clear } = await ask(name, segment);
          if (clear !== length) throw new Error(`${name}: ${clear} clear bytes of ${length}`);
          if (round >= 0) note(`${cipher} ${length} ${name}`, waitMs);
        }
      }
    }
    log(`streaming: ready, round ${round + 1} of ${rounds}`);
  }
  const growth = await ask("memoryBytes");
  return CIPHERS.flatMap((cipher) =>
    READY_LENGTHS.map((length) => ({
      group: GROUP,
      metric: `last byte of ${length / MIB} MiB to its clear segment, ${cipher}`,
      unit: "ms",
      ours: figures.get(`${cipher} ${length} asItComes`),
      peers: [{ name: "decrypted at its end", value: figures.get(`${cipher} ${length} atItsEnd`) }],
      goal: { peer: null, kind: "value", atMost: 5 },
      note: `over a link of ${RATE / MIB} MiB/s; the module's memory has ${(growth / MIB).toFixed(2)} MiB then`,
    })),
  );
}

async function growthRows(ask, server, { rounds, log }) {
  const figures = new Map(CIPHERS.map((cipher) => [cipher, GROWTH_LENGTHS.map(() => [])]));
  for (let round = -1; round < rounds; round++) {
    for (const [at, length] of GROWTH_LENGTHS.entries()) {
      for (const cipher of CIPHERS) {
        const segment = server.segment(cipher, length);
        await ask("keep", segment);
        const beganMs = workerMs();
        const bytes = await ask("decryptKept", { ...segment, bytes: GROWTH_BYTES });
        if (round >= 0) figures.get(cipher)[at].push((workerMs() - beganMs) / (bytes / MIB));
      }
    }
    log(`streaming: growth, round ${round + 1} of ${rounds}`);
  }
  return CIPHERS.map((cipher) => {
    // The least of the rounds: what else the machine does can only add to it, and does so to processor time, too.
    const leasts = figures.get(cipher).map((all) => Math.min(...all));
    const mib = GROWTH_LENGTHS.map((length) => length / MIB);
    return {
      group: "Growth",
      metric: `processor time to decrypt a MiB, 64 KiB to 32 MiB, most by least, ${cipher}`,
      unit: "×",
      ours: Math.max(...leasts) / Math.min(...leasts),
      peers: [],
      goal: { peer: null, kind: "value", atMost: 1.2 },
      note: leasts.map((ms, at) => `${mib[at]} MiB ${ms.toFixed(2)} ms/MiB`).join(", "),
      series: [{ name: cipher, x: mib, y: leasts }],
      axes: { x: "segment, MiB", y: "ms per MiB" },
    };
  });
}
