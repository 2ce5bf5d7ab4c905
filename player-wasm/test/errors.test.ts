import { describe, expect, test } from "vitest";
import { errorSentence, languageOf } from "../ts/element/texts.js";
import { asKeyveilError, curedByNewSession, ERROR_CODES, KeyveilError, refusalOf } from "../ts/errors.js";

describe("an error", () => {
  test("survives the worker boundary", () => {
    for (const code of ERROR_CODES) {
      const error = new KeyveilError(code, undefined, {
        status: 401,
        requestId: "r",
        retryAfterSecs: 7,
        cause: new Error("why"),
      });
      const received = KeyveilError.fromWire(structuredClone(error.toWire()));
      const facts = ({ name, type, code, fatal, message, status, requestId, retryAfterSecs }: KeyveilError) => ({
        name,
        type,
        code,
        fatal,
        message,
        status,
        requestId,
        retryAfterSecs,
      });
      expect(facts(received)).toEqual(facts(error));
      expect(received.cause).toBe("Error: why");
      const other = KeyveilError.fromWire(error.withFatal(!error.fatal).toWire());
      expect([other.fatal, other.retryAfterSecs]).toEqual([!error.fatal, 7]);
    }
  });

  test("that comes without words, as the worker's do, gets those of its code", () => {
    const { message } = new KeyveilError("source_not_opened");
    const wire = { ...new KeyveilError("source_not_opened").toWire(), message: "" };
    expect(KeyveilError.fromWire(wire).message).toBe(message);
    expect(KeyveilError.fromWire({ ...wire, message: "Its own." }).message).toBe("Its own.");
  });

  const verdicts: Record<string, [string, boolean]> = {
    psign_signature: ["signature", true],
    origin_not_allowed: ["signature", true],
    signature_unavailable: ["signature", true],
    session_expired: ["session", true],
    envelope_rejected: ["session", true],
    key_not_granted: ["session", true],
    psign_used: ["signature", true],
    address_not_allowed: ["signature", true],
    address_limit: ["signature", true],
    session_superseded: ["session", true],
    preview_ended: ["session", true],
    track_not_allowed: ["session", true],
    key_uses_exhausted: ["session", true],
    rate_limited: ["network", false],
    watermark_removed: ["environment", true],
    network: ["network", false],
    unavailable: ["network", false],
    kms_unavailable: ["network", false],
    segment_damaged: ["media", false],
    key_tag_malformed: ["media", true],
    build_missing: ["environment", true],
    wasm_altered: ["environment", true],
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
    // It would end the viewing elsewhere, and that one this, for ever.
    expect(curedByNewSession(new KeyveilError("session_superseded"))).toBe(false);
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
    const said = ["session_superseded", "preview_ended", "psign_used", "address_limit", "watermark_removed"] as const;
    expect(new Set(said.map((code) => errorSentence(new KeyveilError(code), "en"))).size).toBe(said.length);
    expect(errorSentence(new KeyveilError("session_superseded"), "en")).toContain("watching elsewhere");
    expect([languageOf("zh-TW"), languageOf("en-GB"), languageOf("fr")]).toEqual(["zh", "en", "en"]);
  });
});

test("a refusal is read from an answer in the server's form, and from no other", () => {
  const answer = (error: unknown) => JSON.stringify({ error });
  const read = refusalOf(403, answer({ code: "preview_ended", message: "m", requestId: "r" }));
  expect(read).toMatchObject({ code: "preview_ended", message: "m", requestId: "r", status: 403 });
  expect(refusalOf(403, answer({ code: "preview_ended", message: 7 }))).toMatchObject({ requestId: null });
  const long = answer({ code: "preview_ended", message: "m".repeat(16 << 10) });
  for (const text of ["", "null", "7", "{}", "<html>", answer(null), answer({ code: "of_a_later_version" }), long]) {
    expect(refusalOf(403, text), text.slice(0, 40)).toBeNull();
  }
});

test("the package's modules can be imported where there is no window", async () => {
  expect(globalThis.window).toBeUndefined();
  await import("../ts/index.js");
  const { KeyveilPlayerElement } = await import("../ts/element.js");
  expect(KeyveilPlayerElement).toBeTypeOf("function");
});
