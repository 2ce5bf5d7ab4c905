// What a trace of Chromium's says of a page's main thread.

/** The longest task, in milliseconds, on the main thread of the renderer that has most of them. */
export function longestTask({ traceEvents }) {
  const main = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  const byThread = new Map();
  for (const { name, ph, pid, tid, dur } of traceEvents) {
    const thread = `${pid}/${tid}`;
    if (ph !== "X" || !main.has(thread) || !/RunTask$/.test(name)) continue;
    const tasks = byThread.get(thread) ?? [];
    tasks.push(dur / 1000);
    byThread.set(thread, tasks);
  }
  const tasks = [...byThread.values()].sort((a, b) => b.length - a.length)[0];
  if (tasks === undefined) throw new Error("The trace has no task of a page's main thread.");
  return Math.max(...tasks);
}
