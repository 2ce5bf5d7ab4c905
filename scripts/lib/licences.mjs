// Licence expressions (SPDX), as crates and npm packages state them.
import { readFile } from "node:fs/promises";
import { inRoot } from "./places.mjs";

/** What deny.toml allows. */
export async function allowedLicences() {
  const text = await readFile(inRoot("deny.toml"), "utf8");
  const list = /^\[licenses\]\s*\nallow = \[([^\]]*)\]/m.exec(text)?.[1];
  const names = [...(list ?? "").matchAll(/"([^"]+)"/g)].map((match) => match[1]);
  if (names.length === 0) throw new Error("deny.toml has no [licenses] allow");
  return new Set(names);
}

/** Whether one way to read `expression` needs nothing but `allowed`. What is no expression is not allowed. */
export function isAllowed(expression, allowed) {
  // The old form of a choice.
  const tokens = (expression ?? "").replaceAll("/", " OR ").match(/\(|\)|[^\s()]+/g) ?? [];
  const next = () => tokens.shift();
  const either = () => {
    let holds = both();
    while (tokens[0] === "OR") {
      next();
      holds = both() || holds;
    }
    return holds;
  };
  const both = () => {
    let holds = one();
    while (tokens[0] === "AND") {
      next();
      holds = one() && holds;
    }
    return holds;
  };
  const one = () => {
    const name = next();
    if (name === "(") {
      const holds = either();
      return next() === ")" && holds;
    }
    if (tokens[0] !== "WITH") return allowed.has(name);
    next();
    return allowed.has(`${name} WITH ${next()}`);
  };
  const holds = either();
  return holds && tokens.length === 0;
}
