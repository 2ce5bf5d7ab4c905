import { expect, test } from "vitest";
import { parseFragment } from "./fragment.ts";

test("file id and signature are taken from the fragment", () => {
  expect(parseFragment("#file=abc&psign=a.b-c.d_e")).toEqual({ fileId: "abc", psign: "a.b-c.d_e", level: null });
});

test("without a file id the signature alone decides", () => {
  expect(parseFragment("#psign=a.b.c")).toEqual({ fileId: null, psign: "a.b.c", level: null });
  expect(parseFragment("#file=&psign=a.b.c")).toEqual({ fileId: null, psign: "a.b.c", level: null });
});

test("a fragment can ask for the lower level, and for nothing else", () => {
  expect(parseFragment("#psign=a.b.c&level=guarded")?.level).toBe("guarded");
  for (const level of ["", "sealed", "standard", "Guarded", "guarded ", "toString"])
    expect(parseFragment(`#psign=a.b.c&level=${encodeURIComponent(level)}`), level).toMatchObject({ level: null });
});

test("an address without a signature has nothing to play", () => {
  for (const hash of ["", "#", "#file=abc", "#psign=", "#file=abc&psign="])
    expect(parseFragment(hash), hash).toBeNull();
});

test("an oversized fragment is refused", () => {
  expect(parseFragment(`#psign=${"a".repeat(20_000)}`)).toBeNull();
});
