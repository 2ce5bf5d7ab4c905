import { expect, test } from "vitest";
import { parseFragment } from "./fragment.ts";

test("file id and signature are taken from the fragment", () => {
  expect(parseFragment("#file=abc&psign=a.b-c.d_e")).toEqual({ fileId: "abc", psign: "a.b-c.d_e" });
});

test("without a file id the signature alone decides", () => {
  expect(parseFragment("#psign=a.b.c")).toEqual({ fileId: null, psign: "a.b.c" });
  expect(parseFragment("#file=&psign=a.b.c")).toEqual({ fileId: null, psign: "a.b.c" });
});

test("an address without a signature has nothing to play", () => {
  for (const hash of ["", "#", "#file=abc", "#psign=", "#file=abc&psign="])
    expect(parseFragment(hash), hash).toBeNull();
});

test("an oversized fragment is refused", () => {
  expect(parseFragment(`#psign=${"a".repeat(20_000)}`)).toBeNull();
});
