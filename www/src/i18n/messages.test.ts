import { expect, test } from "vitest";
import { type ConsoleKey, consoleEn, consoleZh } from "./console.ts";

const holes = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();
const keys = Object.keys(consoleEn) as ConsoleKey[];

test("a translation has the same holes as the English text", () => {
  for (const key of keys) expect(holes(consoleZh[key]), key).toEqual(holes(consoleEn[key]));
});

test("no text is empty", () => {
  for (const key of keys) {
    expect(consoleEn[key].trim(), key).not.toBe("");
    expect(consoleZh[key].trim(), key).not.toBe("");
  }
});
