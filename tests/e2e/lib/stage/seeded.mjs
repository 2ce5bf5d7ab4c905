// Numbers that look like chance and are the same in every run.
import { createHash } from "node:crypto";

/** A function like `Math.random`, of its own for each seed. */
export function seeded(seed) {
  let drawn = 0;
  return () => {
    drawn += 1;
    return createHash("sha256").update(`${seed}/${drawn}`).digest().readUInt32BE() / 2 ** 32;
  };
}
