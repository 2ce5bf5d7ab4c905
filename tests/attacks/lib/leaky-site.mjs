// A site whose page and worker leak one key by everything that the network has: what a capture must find.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

/** In page and worker alike. `key` is a Uint8Array; resolves when all of it has passed. */
const LEAK = `async (key, base) => {
  const hex = [...key].map((one) => one.toString(16).padStart(2, "0")).join("");
  const reversed = [...key].reverse();
  const body = (path, body) => fetch(new URL(path, base), { method: "POST", body });
  await body("/sent/raw", key);
  await body("/sent/json", JSON.stringify({ key: [...key] }));
  await fetch(new URL("/sent/header", base), { headers: { "X-Key": btoa(String.fromCharCode(...reversed)) } });
  await fetch(new URL("/sent/address?" + hex, base));
  for (const path of ["/got/raw", "/got/header"]) await fetch(new URL(path, base)).then((answer) => answer.arrayBuffer());
  const socket = new WebSocket(new URL("/socket", base).href.replace("http", "ws"));
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => { socket.onopen = resolve; });
  const heard = new Promise((resolve) => { socket.onmessage = resolve; });
  socket.send(hex.toUpperCase());
  await heard;
}`;
const WORKER = `onmessage = async ({ data }) => { await (${LEAK})(data, location.href); postMessage("done"); };`;
const PAGE = `<!doctype html><title>leaky</title><script>
  const fromHex = (hex) => Uint8Array.from(hex.match(/../g), (two) => parseInt(two, 16));
  window.leaked = (async () => {
    const key = fromHex(location.hash.slice(1));
    await (${LEAK})(key, location.href);
    const worker = new Worker("/worker.js");
    worker.postMessage(key);
    await new Promise((resolve) => { worker.onmessage = resolve; });
    window.isDone = true;
  })();
</script>`;

/** What is to be found, by the page and by the worker each: a part of the name that the capture gives it. */
export const LEAKS = ["/sent/raw", "/sent/json", "headers of", "/sent/address", "answer of", "socket of"];

/** Resolves to { page, close() }; the page leaks the key that stands in its fragment, in hex. */
export async function serveLeaks(hex) {
  const key = Buffer.from(hex, "hex");
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const [type, body] = ANSWERS[pathname] ?? ["application/octet-stream", ""];
    if (pathname === "/got/header") response.setHeader("x-key", key.toString("base64url"));
    response.setHeader("content-type", type);
    response.end(pathname === "/got/raw" ? key : body);
  });
  const sockets = new WebSocketServer({ server });
  // The same in words of the other byte order, in binary.
  sockets.on("connection", (socket) => socket.on("message", () => socket.send(Buffer.from(key).swap32())));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    page: `http://127.0.0.1:${server.address().port}/#${hex}`,
    close() {
      sockets.close();
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const ANSWERS = { "/": ["text/html", PAGE], "/worker.js": ["text/javascript", WORKER] };
