// Against the built package: `node build.mjs` comes first.
import { expect, test } from "vitest";
import { BUDGETS, measureSizes } from "../sizes.mjs";

/** It bundles all of the SDK, which a busy machine takes its time for. */
const BUNDLING_MS = 60_000;

test(
  "what a page loads is within its budget, compressed",
  async () => {
    const sizes = await measureSizes();
    const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
    for (const [part, bytes] of Object.entries(sizes)) {
      console.log(`${part}: ${kib(bytes)} of ${kib(BUDGETS[part])}`);
      expect(bytes, `${part}, of which there is something at all`).toBeGreaterThan(1024);
      expect(bytes, `${part} over its budget: make it smaller, or say in the commit why it has to grow`).toBeLessThan(
        BUDGETS[part],
      );
    }
  },
  BUNDLING_MS,
);
