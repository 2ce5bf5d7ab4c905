import { expect, test } from "vitest";
import { en, type MessageKey } from "./en.ts";
import { zh } from "./zh.ts";

const holes = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

test("a translation has the same holes as the English text", () => {
  for (const key of Object.keys(en) as MessageKey[]) expect(holes(zh[key]), key).toEqual(holes(en[key]));
});

test("no text is empty", () => {
  for (const key of Object.keys(en) as MessageKey[]) {
    expect(en[key].trim(), key).not.toBe("");
    expect(zh[key].trim(), key).not.toBe("");
  }
});
