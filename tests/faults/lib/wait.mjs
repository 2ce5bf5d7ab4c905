// Waiting for something that must come: the limit only ends a test that would hang.

const LIMIT_MS = 120_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks again and again until `ask` answers something true, and gives it. `seen` says in an error how far it got. */
export async function until(what, ask, { everyMs = 25, limitMs = LIMIT_MS, seen = () => "" } = {}) {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}: ${await seen()}`);
    await sleep(everyMs);
  }
}
