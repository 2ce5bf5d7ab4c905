// A whole Keyveil on a port of its own: as `npm start` makes it, or a cluster of two replicas and two workers; KEYVEIL_SETUP says which.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isCluster } from "../../../scripts/lib/set-up.mjs";
import { startCluster } from "../../cluster/lib/setup.mjs";
import { ownData } from "./shared.mjs";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
export const binary = (name) => join(ROOT, "target", "release", name);

/** Short segments and periods: two period changes within 20 s of playback. */
export const WORKFLOW = {
  segmentSecs: 2,
  periodSegments: 4,
  ladder: {
    kind: "rungs",
    rungs: [
      { edge: 360, videoBitRate: 800_000 },
      { edge: 480, videoBitRate: 1_400_000 },
    ],
  },
};
/** The same for `packager pack`. With one encoder thread each run gives the same bytes. */
export const PACK_ARGS = ["--segment-secs", "2", "--period-segments", "4", "--ladder", "360p,480p", "--threads", "1"];

export const scratch = () => mkdtempSync(join(tmpdir(), "keyveil-test-"));

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts an installation in which FILE is published; in the data folder that the specs of this worker share, unless told otherwise.
 * Resolves to { playerUrl, consoleUrl, user, apiKey, api(method, path, body), origin, port, data, sdk, startMs, output(), stop() } and
 * keyServer(...args), which runs a `key-server` command on it, reveal(fileId), every key of a title, and mediaFolder(fileId), where its
 * first version's media can be read; isCached says whether a cache stands before the server. What a test needs of it, it asks this: other processes may have the rest of it elsewhere.
 */
export async function start(file, { data = ownData(), port, workflow = {}, env = {} } = {}) {
  const asked = { data, port: port ?? (await freePort()), workflow: { ...WORKFLOW, ...workflow }, env };
  const began = performance.now();
  const started = isCluster() ? await startCluster(file, asked) : await startByNpm(file, asked);
  const { apiKey } = JSON.parse(readFileSync(join(data, "demo.json"), "utf8"));
  const { origin } = new URL(started.playerUrl);
  return {
    ...started,
    apiKey,
    api: (method, path, body) => api(origin, apiKey, method, path, body),
    origin,
    port: asked.port,
    data,
    sdk: join(data, "sdk"),
    startMs: performance.now() - began,
    keyServer(...args) {
      const env = { ...process.env, KEYVEIL_DATA: data };
      return execFileSync(binary("key-server"), args, { encoding: "utf8", env });
    },
    reveal: (fileId) => reveal(data, fileId),
  };
}

/** Runs `npm start -- FILE` until it prints its two addresses. */
async function startByNpm(file, { data, port, workflow, env }) {
  const child = spawn("npm", ["start", "--silent", "--", ...(file ? [file] : [])], {
    cwd: ROOT,
    env: {
      ...process.env,
      KEYVEIL_PORT: String(port),
      KEYVEIL_DATA: data,
      KEYVEIL_WORKFLOW: JSON.stringify(workflow),
      KEYVEIL_WORKERS_CPUS: "1",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve({ code, signal })));
  const ready = new Promise((resolve) => {
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      if (/^player: \S+$/m.test(stdout) && /^console: \S+$/m.test(stdout) && /^sign in: \S+ \S+$/m.test(stdout))
        resolve("ready");
    });
  });
  const output = () => `${stdout}\n${stderr}`;
  const outcome = await Promise.race([ready, ended]);
  if (outcome !== "ready") throw Object.assign(new Error(`npm start ended: ${output()}`), outcome, { stdout, stderr });
  const line = (name) => stdout.match(new RegExp(`^${name}: (\\S+)$`, "m"))[1];
  const [, name, password] = stdout.match(/^sign in: (\S+) (\S+)$/m);
  return {
    playerUrl: line("player"),
    consoleUrl: line("console"),
    user: { name, password },
    isCached: false,
    mediaFolder: async (fileId) => join(data, "media", fileId),
    output,
    async stop() {
      // npm passes SIGINT on to the script; the group holds npm and what it started, nothing else.
      process.kill(-child.pid, "SIGINT");
      return ended;
    },
  };
}

async function api(origin, apiKey, method, path, body) {
  const answer = await fetch(`${origin}${path}`, {
    method,
    headers: { Authorization: `Bearer ${apiKey}`, ...(body && { "Content-Type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

/** A browser that is just ending may still write into its profile. */
export function remove(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}

/** Every key of a title, read from the data folder through the KMS by a tool that only the tests have. */
export function reveal(data, fileId) {
  const json = execFileSync(binary("reveal"), ["--data", data, "--file-id", fileId], {
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  return JSON.parse(json);
}
