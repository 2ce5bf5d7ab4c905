// The player's own loader and decryptor in a worker, with a clock at the network's end. It answers one message after the other.
import { SegmentDecryption } from "../../../player-wasm/ts/worker/segment-decryption.ts";
import { SegmentLoader } from "../../../player-wasm/ts/worker/segment-loader.ts";
import { Session } from "../../../player-wasm/ts/worker/session.ts";
import { startWasm } from "../../../player-wasm/ts/worker/wasm.ts";

const network = globalThis.fetch.bind(globalThis);
/** When the last bytes of the last body came. */
let lastMs = 0;
globalThis.fetch = clocked;

async function clocked(url, init) {
  const answer = await network(url, init);
  const { ok, status, headers } = answer;
  const getReader = () => {
    const reader = answer.body.getReader();
    const read = async () => {
      const came = await reader.read();
      if (!came.done) lastMs = performance.now();
      return came;
    };
    return { read, cancel: () => reader.cancel() };
  };
  return { ok, status, headers, body: { getReader }, text: () => answer.text() };
}

const EVENTS = { exchange() {}, renewed() {}, paced() {} };
let wasm;
let session;
let loader;
/** A ciphertext. */
let kept;

const answers = {
  async start({ server, sha256 }) {
    wasm = await startWasm({ url: `${server}/keyveil.wasm`, sha256 }, "same-origin");
    session = new Session(wasm.session, server, "same-origin", EVENTS);
    await session.play({ psign: "a.b.c", fileId: undefined, positionMs: 0, level: "sealed", downgrade: null });
    loader = new SegmentLoader(wasm, session, "same-origin");
  },

  /** How long after its last byte a segment is there, and the figures that hls.js would be told. */
  async asItComes({ url, reference }) {
    const clear = await loader.load({ url, reference, positionMs: 0 }, new AbortController().signal, () => undefined);
    return { waitMs: performance.now() - lastMs, length: clear.bytes.byteLength, ...clear.timing };
  },

  /** The same for one that is decrypted when all of it has come. */
  async atItsEnd({ url, reference }) {
    const answer = await fetch(url);
    const decryption = new SegmentDecryption(wasm, reference, Number(answer.headers.get("Content-Length")));
    const reader = answer.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) decryption.add(read.value);
    decryption.end();
    while (!decryption.isDone) decryption.step();
    const bytes = decryption.take();
    const waitMs = performance.now() - lastMs;
    decryption.close();
    return { waitMs, length: bytes.byteLength };
  },

  async keep({ url }) {
    kept = new Uint8Array(await (await network(url)).arrayBuffer());
  },

  /** Decrypts what was kept as often as makes that many bytes, and tells how many these were. */
  async decryptKept({ reference, bytes }) {
    const times = Math.max(1, Math.round(bytes / kept.length));
    for (let time = 0; time < times; time++) {
      const decryption = new SegmentDecryption(wasm, reference, kept.length);
      for (let at = 0; at < kept.length; at += ARRIVAL_BYTES) {
        decryption.add(kept.subarray(at, at + ARRIVAL_BYTES));
        while (decryption.isReady) decryption.step();
      }
      decryption.end();
      while (!decryption.isDone) decryption.step();
      decryption.take();
      decryption.close();
    }
    return times * kept.length;
  },

  memoryBytes: async () => wasm.memory.buffer.byteLength,
};
/** As browsers hand a body out. */
const ARRIVAL_BYTES = 64 << 10;

addEventListener("message", async ({ data: { id, name, given } }) => {
  try {
    postMessage({ id, value: await answers[name](given) });
  } catch (thrown) {
    postMessage({ id, error: String(thrown?.code ?? thrown) });
  }
});
