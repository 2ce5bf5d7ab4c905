// What the worker needs of the world: its own files, a key server that grants everything, and segments over a link of a given speed.
import { execFileSync } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { binary, ROOT } from "../../e2e/lib/installation.mjs";
import * as keyServer from "../../memory/lib/forged-server.mjs";
import * as own from "../../vectors/independent.mjs";

const PIECE_BYTES = 16 << 10;
const PAGE = '<!doctype html><link rel="icon" href="data:,">';
const SEGMENT = 0;
const HD = 2;
const SUITES = {
  "aes-128-cbc": { suffix: "", encrypt: own.encryptSegment },
  "chacha20-poly1305": { suffix: "/chacha20-poly1305", encrypt: own.sealSegment },
};

/** Like a fragment of an MP4: what is in it is noise. */
function media(length) {
  const bytes = randomFillSync(Buffer.alloc(length));
  bytes.writeUInt32BE(length, 0);
  bytes.write("mdat", 4, "latin1");
  return bytes;
}

/** Resolves to { url, sha256, segment(cipher, length, rate), close() }; rates are in bytes per second, and without one there is no bound. */
export async function serve(scratch) {
  const wasm = linked(scratch);
  const files = new Map([
    ["/", { type: "text/html", body: PAGE }],
    ["/worker.js", { type: "text/javascript", body: await bundled() }],
    ["/keyveil.wasm", { type: "application/wasm", body: wasm }],
  ]);
  const segments = new Map();
  const server = createServer((asked, answer) => {
    // For the clock to be fine.
    answer.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    answer.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const [path, rate] = asked.url.split("?rate=");
    const file = files.get(path);
    if (file) answer.writeHead(200, { "Content-Type": file.type }).end(file.body);
    else if (segments.has(path)) send(answer, segments.get(path), Number(rate)).catch(() => answer.destroy());
    else granted(asked, answer, path).catch(() => answer.writeHead(500).end());
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    sha256: createHash("sha256").update(wasm).digest("hex"),
    segment(cipher, length, rate = Number.POSITIVE_INFINITY) {
      const path = `/${cipher}/${length}`;
      const { suffix, encrypt } = SUITES[cipher];
      const key = own.segmentKey(keyServer.periodKey("HD", 0), HD, SEGMENT, cipher);
      if (!segments.has(path)) segments.set(path, encrypt(key, media(length)));
      const reference = keyServer.reference(SEGMENT, 0).replace("keyveil=", "") + suffix;
      return { url: `${url}${path}?rate=${rate}`, reference };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function granted(asked, answer, path) {
  const pieces = [];
  for await (const piece of asked) pieces.push(piece);
  const body = Buffer.concat(pieces).toString();
  answer.setHeader("Content-Type", "application/json");
  answer.end(path === "/v1/play" ? keyServer.play(body) : keyServer.keys(body));
}

async function send(answer, body, rate) {
  answer.writeHead(200, { "Content-Type": "video/mp4", "Content-Length": body.length });
  const began = performance.now();
  for (let at = 0; at < body.length && !answer.destroyed; at += PIECE_BYTES) {
    answer.write(body.subarray(at, at + PIECE_BYTES));
    const leftMs = began + ((at + PIECE_BYTES) * 1000) / rate - performance.now();
    if (leftMs > 0) await new Promise((done) => setTimeout(done, leftMs));
  }
  answer.end();
}

function linked(scratch) {
  const out = join(scratch, "keyveil.wasm");
  const flags = ["--sdk", join(ROOT, "player-wasm/dist"), "--out", out];
  execFileSync(binary("link"), flags, { input: JSON.stringify(keyServer.SDK_BUILD) });
  return readFileSync(out);
}

async function bundled() {
  const build = await rolldown({ input: fileURLToPath(new URL("worker.js", import.meta.url)), platform: "browser" });
  const { output } = await build.generate({ format: "esm", minify: true });
  await build.close();
  return output[0].code;
}
