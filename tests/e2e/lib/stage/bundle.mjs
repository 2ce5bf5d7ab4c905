// The pages of the stage, bundled and minified as an application's would be: path → { type, body }.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const require = createRequire(import.meta.url);
const NAMES = ["keyveil", "element", "plain"];

export async function bundlePages() {
  const files = new Map();
  const hlsWorker = readFileSync(require.resolve("hls.js/dist/hls.worker.js"));
  files.set("/stage/hls.worker.js", { type: "text/javascript", body: hlsWorker });
  for (const name of NAMES) {
    const input = fileURLToPath(new URL(`pages/${name}.js`, import.meta.url));
    // Each for itself: what is shared between them would else be a chunk of its own.
    const build = await rolldown({ input, platform: "browser" });
    const { output } = await build.generate({ format: "esm", minify: true, chunkFileNames: `${name}-[hash].js` });
    await build.close();
    for (const { fileName, code } of output)
      if (code !== undefined) files.set(`/stage/${fileName}`, { type: "text/javascript", body: Buffer.from(code) });
    const html = `<!doctype html><meta charset="utf-8"><title>${name}</title><link rel="icon" href="data:,"><video muted></video><script type="module" src="/stage/${name}.js"></script>`;
    files.set(`/stage/${name}`, { type: "text/html", body: Buffer.from(html) });
  }
  return files;
}
