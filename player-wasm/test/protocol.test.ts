import { expect, test } from "vitest";
import { publicPlayback } from "../ts/protocol.js";
import { playback } from "./fakes.js";

const { trackClasses, ...sent } = playback();
const { clearLeadSegments, ...title } = sent.title;
const read = (changes: object, ofTitle: object = {}) =>
  publicPlayback({ ...sent, ...changes, title: { ...title, ...ofTitle } }, trackClasses);

test("what is left out of an answer is nothing: no lead, no preview, no watermark", () => {
  expect(clearLeadSegments).toBe(0);
  const whole = read({ preview: undefined, watermark: undefined });
  expect([whole?.title.clearLeadSegments, whole?.preview, whole?.watermark]).toEqual([0, null, null]);
  expect(read({ watermark: " " })?.watermark).toBeNull();
});

test("lead, preview, watermark and mode are told", () => {
  const told = read(
    { preview: { segments: 5, endMs: 9_500 }, watermark: "ann" },
    { clearLeadSegments: 3, mode: "standard" },
  );
  expect(told).toMatchObject({
    preview: { segments: 5, endMs: 9_500 },
    watermark: "ann",
    title: { clearLeadSegments: 3, mode: "standard" },
  });
});

test("an address of thumbnails is one of the web, or there are none", () => {
  const spritesUrl = "https://keys.test/media/one/title-1/sprites/sprites.vtt";
  expect(read({ spritesUrl })?.spritesUrl).toBe(spritesUrl);
  for (const other of [undefined, null, 7, "", "sprites.vtt", "https://", "javascript:alert(1)"])
    expect(read({ spritesUrl: other })).toMatchObject({ spritesUrl: null, playlistUrl: sent.playlistUrl });
});

test("an answer that can't be understood is none", () => {
  for (const clearLeadSegments of [-1, 1.5, "3", null]) expect(read({}, { clearLeadSegments })).toBeNull();
  for (const preview of [7, {}, { segments: 1 }, { segments: -1, endMs: 1 }]) expect(read({ preview })).toBeNull();
  expect(read({}, { mode: "other" })).toBeNull();
});
