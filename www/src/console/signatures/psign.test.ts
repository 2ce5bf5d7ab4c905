import { expect, test } from "vitest";
import { playerAddress, psignIn } from "./psign.ts";

test("a signature is found in itself, broken over lines, and in a link of the player", () => {
  expect(psignIn("  aa.bb.cc\n")).toBe("aa.bb.cc");
  expect(psignIn("aa.b\n  b.cc")).toBe("aa.bb.cc");
  expect(psignIn(`https://media.example.com${playerAddress("f 1", "aa.bb.cc")}`)).toBe("aa.bb.cc");
  expect(psignIn("")).toBe("");
});
