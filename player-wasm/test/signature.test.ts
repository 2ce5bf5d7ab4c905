import { expect, test } from "vitest";
import { MediaUrls } from "../ts/hls/media-urls.js";
import { refreshDelayMs } from "../ts/page/signature.js";
import { session } from "./fakes.js";

test("a signature is renewed at 80 % of its life or a minute before its end, never in its first half", () => {
  const delaySecs = (lifetimeSecs: number) => refreshDelayMs(session(lifetimeSecs)) / 1000;
  expect(delaySecs(86_400)).toBe(69_120);
  expect(delaySecs(300)).toBe(240);
  expect(delaySecs(200)).toBe(140);
  expect(delaySecs(100)).toBe(50);
  expect(delaySecs(10)).toBe(5);
  expect(delaySecs(-5)).toBe(0);
});

test("a newer token replaces the old one in the title's addresses and in no others", () => {
  const urls = new MediaUrls("https://host/base/media/6a-old/title-1/master.m3u8");
  const segment = "https://host/base/media/6a-old/title-1/v720p/seg_1.m4s?x=1#keyveil=a";
  expect(urls.current(segment)).toBe(segment);
  urls.update("https://host/base/media/7b-new/title-1/master.m3u8");
  expect(urls.current(segment)).toBe("https://host/base/media/7b-new/title-1/v720p/seg_1.m4s?x=1#keyveil=a");
  for (const other of [
    "https://host/base/media/6a-old/title-2/v/seg_1.m4s",
    "https://other/base/media/6a-old/title-1/v/seg_1.m4s",
    "https://host/base/poster.jpg",
    "https://host/base/media/6a-old",
  ]) {
    expect(urls.current(other)).toBe(other);
  }
});

test("a later version's folder keeps its number, and the first version's addresses are none of its own", () => {
  const urls = new MediaUrls("https://host/media/6a-old/title-1.2/master.m3u8");
  urls.update("https://host/media/7b-new/title-1.2/master.m3u8");
  expect(urls.current("https://host/media/6a-old/title-1.2/a")).toBe("https://host/media/7b-new/title-1.2/a");
  expect(urls.current("https://host/media/6a-old/title-1/a")).toBe("https://host/media/6a-old/title-1/a");
});

test("an address of another form changes nothing", () => {
  const urls = new MediaUrls("https://host/media/6a-old/title-1/master.m3u8");
  urls.update("https://host/elsewhere");
  expect(urls.current("https://host/media/x/title-1/a")).toBe("https://host/media/6a-old/title-1/a");
});
