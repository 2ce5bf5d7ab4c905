import { describe, expect, test } from "vitest";
import { errorSentence, languageOf } from "../ts/element/texts.js";
import { asKeyveilError, curedByNewSession, ERROR_CODES, KeyveilError } from "../ts/errors.js";

describe("an error", () => {
  test("survives the worker boundary", () => {
    for (const code of ERROR_CODES) {
      const error = new KeyveilError(code, undefined, { status: 401, requestId: "r", cause: new Error("why") });
      const received = KeyveilError.fromWire(structuredClone(error.toWire()));
      const facts = ({ name, type, code, fatal, message, status, requestId }: KeyveilError) => ({
        name,
        type,
        code,
        fatal,
        message,
        status,
        requestId,
      });
      expect(facts(received)).toEqual(facts(error));
      expect(received.cause).toBe("Error: why");
    }
  });

  const verdicts: Record<string, [string, boolean]> = {
    psign_signature: ["signature", true],
    origin_not_allowed: ["signature", true],
    signature_unavailable: ["signature", true],
    session_expired: ["session", true],
    envelope_rejected: ["session", true],
    key_not_granted: ["session", true],
    network: ["network", false],
    unavailable: ["network", false],
    kms_unavailable: ["network", false],
    segment_damaged: ["media", false],
    key_tag_malformed: ["media", true],
    build_missing: ["environment", true],
    worker_crashed: ["environment", true],
    destroyed: ["environment", true],
    aborted: ["environment", false],
  };
  for (const [code, [type, fatal]] of Object.entries(verdicts)) {
    test(`${code} is of type ${type} and ${fatal ? "" : "not "}fatal`, () => {
      const error = new KeyveilError(code as KeyveilError["code"]);
      expect([error.type, error.fatal]).toEqual([type, fatal]);
      expect(error.message.length).toBeGreaterThan(10);
    });
  }

  test("of a lost session may be cured by a new one, that of a refused signature may not", () => {
    expect(curedByNewSession(new KeyveilError("session_expired"))).toBe(true);
    expect(curedByNewSession(new KeyveilError("counter_replayed"))).toBe(true);
    expect(curedByNewSession(new KeyveilError("psign_expired"))).toBe(false);
  });

  test("that is ours stays itself; another keeps its cause", () => {
    const ours = new KeyveilError("network");
    expect(asKeyveilError(ours, "media_error")).toBe(ours);
    const theirs = new TypeError("x");
    expect(asKeyveilError(theirs, "media_error")).toMatchObject({ code: "media_error", cause: theirs });
  });

  test("has a sentence for viewers in both languages", () => {
    for (const code of ERROR_CODES) {
      const error = new KeyveilError(code);
      expect(errorSentence(error, "en"), code).toMatch(/[a-z]/);
      expect(errorSentence(error, "zh"), code).toMatch(/[\u4e00-\u9fff]/);
    }
    expect([languageOf("zh-TW"), languageOf("en-GB"), languageOf("fr")]).toEqual(["zh", "en", "en"]);
  });
});

test("the package's modules can be imported where there is no window", async () => {
  expect(globalThis.window).toBeUndefined();
  await import("../ts/index.js");
  const { KeyveilPlayerElement } = await import("../ts/element.js");
  expect(KeyveilPlayerElement).toBeTypeOf("function");
});
