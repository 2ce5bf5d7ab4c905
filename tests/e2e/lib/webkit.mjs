// WebKitGTK's MiniBrowser, driven by its WebDriver: as much of the protocol as playback takes.
import { spawn } from "node:child_process";
import { freePort } from "./installation.mjs";

const MINI_BROWSER = process.env.KEYVEIL_MINIBROWSER || "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
const READY_MS_MAX = 30_000;

/** Resolves to { open(url), run(body, ...args), close() }; `run` gives what the function body returns, or its promise. */
export async function startWebKit() {
  const port = await freePort();
  // In a group of its own: the display, the driver and the browser end together.
  const driver = spawn("xvfb-run", ["-a", "WebKitWebDriver", `--port=${port}`], {
    stdio: "ignore",
    detached: true,
    // Its sandbox is made of user namespaces, which containers often have not.
    env: { ...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" },
  });
  const ended = new Promise((resolve) => driver.once("exit", resolve));
  const stop = () => {
    process.kill(-driver.pid, "SIGTERM");
    return ended;
  };
  try {
    await ready(port);
    const browserOptions = { binary: MINI_BROWSER, args: ["--automation"] };
    const alwaysMatch = { "webkitgtk:browserOptions": browserOptions };
    const { sessionId } = await call(port, "POST", "/session", { capabilities: { alwaysMatch } });
    const command = (method, path, body) => call(port, method, `/session/${sessionId}${path}`, body);
    return {
      open: (url) => command("POST", "/url", { url }),
      run: (script, ...args) => command("POST", "/execute/sync", { script, args }),
      async close() {
        await command("DELETE", "").catch(() => null);
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ready(port) {
  const until = Date.now() + READY_MS_MAX;
  while (Date.now() < until) {
    const status = await call(port, "GET", "/status").catch(() => null);
    if (status?.ready) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`WebKitWebDriver was not ready after ${READY_MS_MAX / 1000} s`);
}

async function call(port, method, path, body) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body) }),
  });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
  return value;
}
