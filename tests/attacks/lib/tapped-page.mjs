// A page under DevTools, with its frames and all of its workers, each stopped before its first line: what `inPages` and `inWorkers` say
// runs before the page's and the worker's own scripts.
import { Network } from "./network.mjs";

/** One page in a context of its own. Close it. */
export async function openTapped({ connection }, { inPages = "", inWorkers = "" } = {}) {
  const { browserContextId } = await connection.send("Target.createBrowserContext");
  const { targetId } = await connection.send("Target.createTarget", { url: "about:blank", browserContextId });
  const { sessionId } = await connection.send("Target.attachToTarget", { targetId, flatten: true });
  const page = new TappedPage(connection, { inPages, inWorkers });
  await page.attach(sessionId, "page", "about:blank");
  page.close = () => connection.send("Target.disposeBrowserContext", { browserContextId });
  return page;
}

class TappedPage {
  #connection;
  #scripts;
  #failures = [];
  /** Of the page, of its workers, and of frames that are processes of their own: [{ type, url, evaluate(expression) }]. */
  targets = [];
  network = new Network();

  constructor(connection, scripts) {
    this.#connection = connection;
    this.#scripts = scripts;
  }

  get workers() {
    return this.targets.filter(({ type }) => type === "worker");
  }

  async attach(sessionId, type, url) {
    const send = (method, params) => this.#connection.send(method, params, sessionId);
    const target = { type, url, sessionId, send, evaluate: (...what) => evaluate(send, ...what) };
    this.targets.push(target);
    this.#connection.listen(sessionId, (method, params) => this.#heard(target, method, params));
    const isWorker = type.includes("worker");
    const what = { autoAttach: true, waitForDebuggerOnStart: true, flatten: true };
    // In one go: a worker that is let run before all of these were taken would be missed.
    const taken = [
      send("Network.enable", { maxTotalBufferSize: 512 << 20, maxResourceBufferSize: 64 << 20 }),
      send("Target.setAutoAttach", what),
      send("Runtime.enable"),
    ];
    const { inPages, inWorkers } = this.#scripts;
    // As a worker stands here, it does not have all of its functions yet. It has when its first script is about to run.
    if (isWorker && inWorkers) {
      taken.push(send("Debugger.enable"));
      taken.push(send("Debugger.setInstrumentationBreakpoint", { instrumentation: "beforeScriptExecution" }));
    }
    if (!isWorker) taken.push(send("Page.enable"));
    if (!isWorker && inPages) taken.push(send("Page.addScriptToEvaluateOnNewDocument", { source: inPages }));
    await Promise.all(taken);
    await send("Runtime.runIfWaitingForDebugger");
  }

  async goto(url) {
    await this.targets[0].send("Page.navigate", { url });
  }

  /** In the page. */
  evaluate(expression) {
    return this.targets[0].evaluate(expression);
  }

  /** Until `expression` is true in the page. Throws with what `state` says when that takes too long. */
  async until(expression, { state = "null", ms = 60_000 } = {}) {
    const end = Date.now() + ms;
    while (!(await this.evaluate(expression))) {
      this.check();
      if (Date.now() > end) throw new Error(`not so: ${expression}; ${JSON.stringify(await this.evaluate(state))}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Throws what went wrong behind the scenes: a worker that was not tapped would prove nothing. */
  check() {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Once for a worker: the debugger would slow it down, and a busy machine has it stop at a further script before it is off. */
  async #begin(target) {
    if (target.isHooked) return;
    target.isHooked = true;
    // In this order, each without waiting for the one before: a worker that ends now answers none of them.
    const hooked = target.evaluate(this.#scripts.inWorkers);
    const resumed = target.send("Debugger.resume");
    await Promise.all([hooked, resumed, target.send("Debugger.disable")]);
  }

  #heard(target, method, params) {
    if (method === "Target.attachedToTarget") {
      const { type, url } = params.targetInfo;
      this.attach(params.sessionId, type, url).catch((error) => {
        // It ended before it began.
        if (!/Session with given id not found|No target|gone/.test(error.message)) this.#failures.push(error);
      });
    } else if (method === "Target.detachedFromTarget") {
      this.targets = this.targets.filter(({ sessionId }) => sessionId !== params.sessionId);
    } else if (method === "Debugger.paused") {
      this.#begin(target).catch((error) => this.#failures.push(error));
    } else if (method.startsWith("Network.")) {
      this.network.heard(target, method, params);
    }
  }
}

/** An expression, or a function of one argument. */
async function evaluate(send, what, argument) {
  const expression = typeof what === "function" ? `(${what})(${JSON.stringify(argument)})` : what;
  const options = { awaitPromise: true, returnByValue: true, allowUnsafeEvalBlockedByCSP: true };
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, ...options });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

/** Plays as a click would, muted; `element` is an expression for the video. */
export async function playTapped(page, { from = 0, secs = 10, rate = 2, seekTo = null, element = VIDEO } = {}) {
  const state = `(() => { const v = ${element}; return v && [v.readyState, v.currentTime, v.paused, v.error?.message]; })()`;
  await page.until(`${element}?.readyState > 1`, { state });
  await page.evaluate(
    `(() => { const v = ${element}; v.muted = true; v.playbackRate = ${rate}; v.play().catch(() => null); })()`,
  );
  await page.until(`${element}.currentTime > ${from + secs}`, { state });
  if (seekTo === null) return;
  await page.evaluate(`${element}.currentTime = ${seekTo}`);
  await page.until(`${element}.currentTime > ${seekTo + 1}`, { state });
}

/** Of the player's page, whose element has it in a shadow root, or of a plain one. */
export const VIDEO = `((document.querySelector("keyveil-player")?.shadowRoot ?? document).querySelector("video"))`;
