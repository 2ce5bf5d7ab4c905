// The vectors of URL authentication, most of them out of the vendors' documents, against the independent implementation.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { opened, SCHEMES, signed } from "./url-auth.mjs";

const vectors = JSON.parse(readFileSync(new URL("url-auth.json", import.meta.url), "utf8"));

for (const vector of vectors) {
  const { document, scheme, key, uri, address, time, made, exper = "", rlimit = "", us = "" } = vector;
  test(`${scheme}: ${document ?? "of no document"}: ${address}`, () => {
    const found = opened(scheme, key, address);
    assert.equal(found?.uri, uri);
    assert.deepEqual([found.exper, found.rlimit, found.us], [`${exper}`, `${rlimit}`, us]);
    assert.equal(opened(scheme, `${key}0`, address), undefined, "another key");
    const own = signed(scheme, key, uri, time, { exper, rlimit, us });
    assert.equal(own === address, made, own);
    assert.equal(opened(scheme, key, own)?.uri, uri);
  });
}

test("every scheme has a vector out of a document", () => {
  for (const scheme of SCHEMES) {
    assert.ok(
      vectors.some((vector) => vector.scheme === scheme && vector.document),
      scheme,
    );
  }
});
