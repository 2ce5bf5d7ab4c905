// Pages of another server with players that know nothing of Keyveil: hls.js and Shaka Player as they are published.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const SCRIPTS = {
  "/hls.js": require.resolve("hls.js/dist/hls.js"),
  "/shaka.js": require.resolve("shaka-player/dist/shaka-player.compiled.js"),
};
const PAGES = {
  "/hls": `<script src="/hls.js"></script><script>
    const hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, { details, fatal, response }) => errors.push({ code: details, fatal, status: response?.code }));
    hls.loadSource(address);
    hls.attachMedia(video);
    window.hls = hls;
  </script>`,
  "/shaka": `<script src="/shaka.js"></script><script>
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    const failed = ({ code, severity, data }) => errors.push({ code, fatal: severity === 2, status: data[1] });
    player.addEventListener("error", ({ detail }) => failed(detail));
    player.attach(video).then(() => player.load(address)).catch(failed);
    window.player = player;
  </script>`,
};
const HEAD = `<!doctype html><meta charset="utf-8"><title>plain player</title><video muted></video><script>
  const video = document.querySelector("video");
  const errors = (window.errors = []);
  const address = decodeURIComponent(location.hash.slice(1));
</script>`;

/** Resolves to { port, page(player, address, host), close() }. */
export async function servePlainPlayers() {
  const server = createServer((request, response) => {
    const script = SCRIPTS[request.url];
    const body = script ? readFileSync(script) : PAGES[request.url] && HEAD + PAGES[request.url];
    response.writeHead(body ? 200 : 404, { "Content-Type": script ? "text/javascript" : "text/html" });
    response.end(body ?? "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return {
    port,
    page: (player, address, host = "127.0.0.1") => `http://${host}:${port}/${player}#${encodeURIComponent(address)}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
