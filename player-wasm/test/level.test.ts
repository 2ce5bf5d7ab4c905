import { describe, expect, test } from "vitest";
import { chooseLevel, plainSettings } from "../ts/page/level.js";

const CAN = { MediaSource: { canConstructInDedicatedWorker: true }, MediaSourceHandle: class {} };

describe("the level", () => {
  test("is the highest that the browser can", () => {
    expect(chooseLevel({}, CAN)).toEqual({ level: "sealed", downgrade: null });
    expect(chooseLevel({ level: "sealed", hls: { maxBufferLength: 10 } }, CAN).level).toBe("sealed");
  });

  test("says why it is not sealed", () => {
    const why = (...wishes: Parameters<typeof chooseLevel>) => chooseLevel(...wishes).downgrade;
    expect(why({ level: "guarded" }, CAN)).toBe("application");
    expect(why({ hls: { xhrSetup: () => undefined } }, CAN)).toBe("hls_settings");
    expect(why({ level: "sealed" }, {})).toBe("browser");
    expect(why({}, { ...CAN, MediaSourceHandle: undefined })).toBe("browser");
    expect(why({}, { ...CAN, MediaSource: { canConstructInDedicatedWorker: false } })).toBe("browser");
    expect(why({}, { ...CAN, MediaSource: {} })).toBe("browser");
    // What the page could change is of no use where the browser can't.
    expect(why({ hls: { loader: class {} } }, {})).toBe("browser");
  });
});

describe("settings that go to a worker", () => {
  test("are a copy of what is plain", () => {
    const settings = { a: 1, b: Number.POSITIVE_INFINITY, c: null, d: [true, { e: "x" }], f: undefined };
    expect(plainSettings(settings)).toEqual({ a: 1, b: Number.POSITIVE_INFINITY, c: null, d: [true, { e: "x" }] });
    expect(Object.keys(plainSettings(settings) ?? {})).not.toContain("f");
  });

  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const others = {
    "a function": { deep: [{ callback: () => undefined }] },
    "a class": { loader: class {} },
    "an object of a class": { when: new Date(0) },
    "a symbol": { name: Symbol("name") },
    "a big integer": { size: 1n },
    "a circle": circle,
  };
  for (const [name, settings] of Object.entries(others)) {
    test(`hold no ${name}`, () => expect(plainSettings(settings)).toBeNull());
  }
});
