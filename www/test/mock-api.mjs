// A stand-in for the key server, for working on the console and testing its pages: the routes of docs/WORKFLOW.md over data in memory.
// Deterministic but for the clock. By hand: `npm run mock -w www` serves www/dist; sign in as owner, password "correct horse battery".
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { accountRoutes, personOf } from "./mock/account.mjs";
import { adminRoutes } from "./mock/admin.mjs";
import { changesRoutes } from "./mock/changes.mjs";
import { makeData } from "./mock/data.mjs";
import { eventRoutes } from "./mock/events.mjs";
import { Refused } from "./mock/http.mjs";
import { jobRoutes } from "./mock/jobs.mjs";
import { mediaRoutes } from "./mock/media.mjs";
import { openapiRoutes } from "./mock/openapi.mjs";
import { titleRoutes } from "./mock/titles.mjs";
import { uploadRoutes } from "./mock/uploads.mjs";
import { workerRoutes } from "./mock/workers.mjs";
import { workflowRoutes } from "./mock/workflows.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const SDK = fileURLToPath(new URL("../../player-wasm/dist/", import.meta.url));
const POLICY =
  "default-src 'self'; worker-src 'self'; media-src 'self' blob: data:; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; " +
  "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'";

const WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src *";

// [method, path with `:name` parts, action(exchange)]: the first that fits answers.
const ROUTES = [
  adminRoutes,
  openapiRoutes,
  accountRoutes,
  titleRoutes,
  changesRoutes,
  uploadRoutes,
  jobRoutes,
  workerRoutes,
  workflowRoutes,
  eventRoutes,
  mediaRoutes,
].flat();

/**
 * Starts it on a free port. `titles`: how many there are; `simulate`: jobs run by themselves.
 * The answer's `data` may be looked at and changed; `refuseNext("GET /v1/titles", "unavailable", 503)` lets one request fail.
 */
export async function startMock({ port = 0, titles = 64, simulate = false } = {}) {
  const data = makeData({ titles, simulate });
  const refusals = [];
  const server = createServer((request, response) => {
    answer(data, refusals, request, response).catch((error) => {
      // An upload that was paused in the middle of a chunk.
      if (error.code === "ECONNRESET") response.destroy();
      else if (error instanceof Refused) refuse(response, error);
      else {
        console.error(error);
        refuse(response, new Refused(500, "internal"));
      }
    });
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    data,
    refuseNext: (route, code, status, detail) => refusals.push({ route, code, status, detail }),
    async close() {
      data.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function answer(data, refusals, request, response) {
  const url = new URL(request.url, "http://mock");
  if (!url.pathname.startsWith("/v1/") && !url.pathname.startsWith("/media/"))
    return staticFile(url.pathname, response);
  const asked = refusals.findIndex(({ route }) => route === `${request.method} ${url.pathname}`);
  if (asked !== -1) {
    const [{ status, code, detail }] = refusals.splice(asked, 1);
    throw new Refused(status, code, detail);
  }
  const [route, names] = find(request.method, url.pathname) ?? [];
  if (route === undefined) throw new Refused(404, "not_found");
  const [, , action, { anonymous = false, raw = false } = {}] = route;
  const exchange = { data, request, response, url, names, query: url.searchParams };
  if (!anonymous) {
    exchange.person = personOf(data, request);
    checkOrigin(request);
    exchange.app = Number(request.headers["keyveil-app"] ?? url.searchParams.get("app"));
  }
  if (!raw) exchange.body = await json(request);
  const result = await action(exchange);
  if (response.writableEnded || response.headersSent) return;
  if (result === undefined) response.writeHead(204).end();
  else send(response, 200, result);
}

function find(method, path) {
  const parts = path.split("/");
  for (const route of ROUTES) {
    const wanted = route[1].split("/");
    if (route[0] !== method || wanted.length !== parts.length) continue;
    const names = {};
    const fits = wanted.every((want, at) => {
      if (!want.startsWith(":")) return want === parts[at];
      names[want.slice(1)] = decodeURIComponent(parts[at]);
      return true;
    });
    if (fits) return [route, names];
  }
  return null;
}

/** What a foreign page can't send. */
function checkOrigin({ method, headers }) {
  if (method === "GET" || method === "HEAD") return;
  const own = headers.origin === `http://${headers.host}`;
  if (!own || !(headers["keyveil-app"] || headers["keyveil-console"])) throw new Refused(403, "origin_not_allowed");
}

async function json(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(400, "malformed_request", "not JSON");
  }
}

function send(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify(body));
}

function refuse(response, { status, code, detail }) {
  if (response.headersSent) return response.end();
  const error = { code, message: code, requestId: "mock-request", ...(detail ? { detail } : {}) };
  return send(response, status, { error });
}

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

async function staticFile(path, response) {
  const [folder, rest] = path.startsWith("/sdk/") ? [SDK, path.slice("/sdk".length)] : [DIST, path];
  const file = join(folder, normalize(rest.endsWith("/") ? `${rest}index.html` : rest));
  const content = file.startsWith(folder) ? await readFile(file).catch(() => null) : null;
  if (content === null) throw new Refused(404, "not_found");
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  const policy = folder === SDK ? WORKER_POLICY : POLICY;
  response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": policy });
  response.end(content);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.env.PORT ?? 8090), simulate: true });
  console.log(`${mock.origin}/console/  (owner, "correct horse battery")`);
}
