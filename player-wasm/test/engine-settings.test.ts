import Hls from "hls.js";
import { describe, expect, test, vi } from "vitest";
import type { PlainSettings } from "../ts/engine-messages.js";
import { engineSettings } from "../ts/worker/engine/settings.js";

const policy = Hls.DefaultConfig.fragLoadPolicy as unknown as PlainSettings;

function filtered(settings: PlainSettings) {
  const refused = vi.fn();
  const config = engineSettings(settings, refused);
  return { config, refused: refused.mock.calls.map(([name]) => name) };
}

describe("settings for hls.js", () => {
  test("that are numbers, switches or load policies hold", () => {
    const settings = {
      maxBufferLength: 12,
      backBufferLength: Number.POSITIVE_INFINITY,
      capLevelToPlayerSize: true,
      fragLoadPolicy: policy,
      startLevel: 1,
    };
    const { config, refused } = filtered(settings);
    expect(config).toMatchObject(settings);
    expect(refused).toEqual([]);
  });

  const others: [string, PlainSettings][] = [
    ["a loader", { loader: {} }],
    ["a playlist loader", { pLoader: {} }],
    ["an address", { workerPath: "https://elsewhere.test/worker.js" }],
    ["a setup of requests", { xhrSetup: "x", fetchSetup: null }],
    ["reports to elsewhere", { cmcd: { eventTargets: [{ url: "https://elsewhere.test" }] } }],
    ["systems of keys", { drmSystems: { x: {} }, widevineLicenseUrl: "https://elsewhere.test" }],
    ["a controller", { bufferController: {} }],
    ["a name that hls.js has not", { surprise: 1, constructor: 1, toString: true, surpriseLoadPolicy: policy }],
    ["another type than the default's", { maxBufferLength: "12", startFragPrefetch: 1, startLevel: "1" }],
    ["no number", { maxBufferLength: Number.NaN }],
    ["a load policy without its default", { fragLoadPolicy: { other: 1 }, keyLoadPolicy: [], certLoadPolicy: null }],
  ];
  for (const [name, settings] of others) {
    test(`that are ${name} do not, and are named`, () => {
      const { config, refused } = filtered({ ...settings, maxBufferHole: 0.5 });
      expect(refused).toEqual(Object.keys(settings));
      expect(config.maxBufferHole, "what may hold does").toBe(0.5);
      const kept = Object.entries(config).filter(([key]) => key in settings);
      expect(kept).toEqual(kept.filter(([key]) => key === "workerPath").map(([key]) => [key, null]));
    });
  }

  test("can't undo what the level promises", () => {
    const forced = {
      enableWorker: true,
      renderTextTracksNatively: true,
      emeEnabled: true,
      enableInterstitialPlayback: true,
      preferManagedMediaSource: true,
    };
    const { config, refused } = filtered(forced);
    expect(refused).toEqual(Object.keys(forced));
    expect(config).toMatchObject(Object.fromEntries(Object.keys(forced).map((name) => [name, false])));
    expect(config.workerPath).toBeNull();
  });
});
