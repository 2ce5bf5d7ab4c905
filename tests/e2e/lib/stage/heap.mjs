// What a page holds once everything that can be collected is.

async function collected(page) {
  const cdp = await page.context().newCDPSession(page);
  // What finalizers let go of is there for the second.
  for (let time = 0; time < 3; time++) await cdp.send("HeapProfiler.collectGarbage");
  return cdp;
}

/** Bytes of JavaScript objects. */
export async function heapOf(page) {
  const cdp = await collected(page);
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  await cdp.detach();
  return usedSize;
}

export async function counts(page) {
  const cdp = await collected(page);
  const { nodes, jsEventListeners: listeners } = await cdp.send("Memory.getDOMCounters");
  await cdp.detach();
  return { nodes, listeners, blobUrls: await page.evaluate(() => window.stage.blobUrls()) };
}
