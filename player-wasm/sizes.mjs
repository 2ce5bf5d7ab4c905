// What a page loads of this package, compressed as servers do, and how much it may be. hls.js is not ours and is left out; so is
// media-chrome, which the element alone uses.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { rolldown } from "rolldown";

const PACKAGE = dirname(fileURLToPath(import.meta.url));
/** What stays an import of the npm package, for the application's own bundler. */
export const EXTERNAL = [/^hls\.js(\/|$)/, /^media-chrome(\/|$)/];
/** What the worker's build puts in the place of names (ts/errors.ts). */
export const WORKER_DEFINES = { WITHOUT_WORDS: "true" };

/** Bytes of brotli. The goals are 40 KiB for the wasm and 60 KiB for all three: what is over that is not to grow. */
export const BUDGETS = { wasm: 40 << 10, page: 14 << 10, worker: 17 << 10 };

/** @returns {Promise<{ wasm: number, page: number, worker: number }>} bytes of brotli, of what is in dist/ and of what it is made of */
export async function measureSizes() {
  const [wasm, page, worker] = await Promise.all([
    readFile(join(PACKAGE, "dist", "keyveil.wasm")),
    bundled("index.ts"),
    bundled("worker/worker.ts", WORKER_DEFINES),
  ]);
  return Object.fromEntries(Object.entries({ wasm, page, worker }).map(([name, bytes]) => [name, compressed(bytes)]));
}

/** As an application's bundler makes one file of it. */
async function bundled(entry, define = {}) {
  const input = join(PACKAGE, "ts", entry);
  const build = await rolldown({ input, external: EXTERNAL, platform: "browser", transform: { define } });
  const { output } = await build.generate({ format: "esm", minify: true, codeSplitting: false });
  await build.close();
  return Buffer.from(output[0].code);
}

const compressed = (bytes) => brotliCompressSync(bytes).length;
