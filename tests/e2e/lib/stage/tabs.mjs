// Chromium with tabs of which one is in front. Playwright keeps every page of its own visible, so this drives the browser itself,
// by its debugging pipe.
import { spawn } from "node:child_process";
import config from "../../../playwright.config.mjs";
import { remove, scratch } from "../installation.mjs";

/** Resolves to { open(url), close() }; a tab has { front(), evaluate(expression) }. The last one opened is in front. */
export async function openTabs() {
  const profile = scratch();
  const { executablePath, args } = config.use.launchOptions;
  const flags = [...args, "--headless=new", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"];
  const child = spawn(executablePath, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const send = commands(child);

  async function open(url) {
    const { targetId } = await send("Target.createTarget", { url });
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    return {
      front: () => send("Target.activateTarget", { targetId }),
      async evaluate(expression) {
        const asked = { expression, awaitPromise: true, returnByValue: true };
        const { result, exceptionDetails } = await send("Runtime.evaluate", asked, sessionId);
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
      },
    };
  }

  return {
    open,
    async close() {
      child.kill();
      await ended;
      remove(profile);
    },
  };
}

/** Messages are JSON, each ended by a zero byte: to the browser on its third descriptor, from it on its fourth. */
function commands(child) {
  const waiting = new Map();
  let last = 0;
  let rest = "";
  child.stdio[4].setEncoding("utf8").on("data", (text) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop();
    for (const message of messages) {
      const { id, result, error } = JSON.parse(message);
      const settle = waiting.get(id);
      waiting.delete(id);
      if (error) settle?.reject(new Error(error.message));
      else settle?.resolve(result);
    }
  });
  return (method, params, sessionId) =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      child.stdio[3].write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
    });
}
