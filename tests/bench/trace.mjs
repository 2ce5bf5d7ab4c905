// What a trace of Chromium's says of a page's main thread.

/** What a page says at its end, by which its thread is known: Chromium's own toolbar has a renderer too, and it may do more than the page. */
const MARK = "keyveil-bench";

/** Traces `page` while `work` runs. Resolves to the longest task of its main thread: by the clock, and of the processor's time. */
export async function longestTaskWhile(browser, page, work) {
  await browser.startTracing(page, { categories: ["toplevel", "blink.user_timing"] });
  await work();
  await page.evaluate((name) => performance.mark(name), MARK);
  return longestTask(JSON.parse(await browser.stopTracing()));
}

/** { ms, processorMs }: each the most that one task took, not of the same one by need. */
export function longestTask({ traceEvents }) {
  const mark = traceEvents.find(({ name }) => name === MARK);
  if (mark === undefined) throw new Error("The trace has not the page's mark.");
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) => ph === "X" && pid === mark.pid && tid === mark.tid && /RunTask$/.test(name),
  );
  if (tasks.length === 0) throw new Error("The trace has no task of the page's main thread.");
  const most = (time) => tasks.reduce((longest, task) => Math.max(longest, task[time] ?? 0), 0) / 1000;
  return { ms: most("dur"), processorMs: most("tdur") };
}
