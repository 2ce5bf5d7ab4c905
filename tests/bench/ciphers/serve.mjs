// Serves the page on a free port. It is isolated, for the clock to be fine (5 µs).
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const FILES = {
  "/page.js": "text/javascript",
  "/ciphers.js": "text/javascript",
  "/ciphers_fast.js": "text/javascript",
  "/ciphers_bg.wasm": "application/wasm",
  "/ciphers_opt.wasm": "application/wasm",
  "/ciphers_fast_bg.wasm": "application/wasm",
};

export async function servePage(folder) {
  const server = createServer((request, response) => {
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const path = request.url.split("?")[0];
    const type = FILES[path];
    if (type === undefined) {
      response.setHeader("Content-Type", "text/html");
      response.end('<!doctype html><script type="module" src="/page.js"></script>');
      return;
    }
    response.setHeader("Content-Type", type);
    createReadStream(join(folder, path)).pipe(response);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
