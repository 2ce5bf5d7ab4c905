// Another key server beside that of `npm start`, on the same data folder and with a configuration of its own, as replicas are.
import { spawn } from "node:child_process";
import { binary, freePort, ROOT } from "../../e2e/lib/installation.mjs";

const READY_MS_MAX = 30_000;
const LOG_CHARS_KEPT = 4_000;

/** Resolves to { origin, stop() }. */
export async function startReplica(data, env) {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const child = spawn(binary("key-server"), ["serve"], {
    cwd: ROOT,
    env: {
      ...process.env,
      KEYVEIL_DATA: data,
      KEYVEIL_LISTEN: `127.0.0.1:${port}`,
      KEYVEIL_WORKERS_LOCAL: "false",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      said = (said + chunk).slice(-LOG_CHARS_KEPT);
    });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = () => {
    child.kill("SIGINT");
    return ended;
  };
  const until = Date.now() + READY_MS_MAX;
  while (!(await fetch(`${origin}/readyz`).catch(() => null))?.ok) {
    if (child.exitCode !== null || Date.now() > until) {
      await stop();
      throw new Error(`the key server did not start: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { origin, stop };
}
