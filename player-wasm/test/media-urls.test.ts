import { expect, test } from "vitest";
import { MediaUrls } from "../ts/hls/media-urls.js";

const ID = "A".repeat(22);
const token = (letter: string) => `${ID}-${letter.repeat(43)}`;
const master = (path: string, session: string) =>
  `https://keys.test/media/${path}/title-1.2/master.m3u8?MtsHlsUriToken=${session}`;
const key = (session: string) => `https://keys.test/v1/hls-keys/title-1.2/HD/3?MtsHlsUriToken=${session}`;

test("both tokens of a standard title are replaced once there are newer ones", () => {
  const urls = new MediaUrls(master("one", token("a")));
  expect(urls.current(key(token("a")))).toBe(key(token("a")));
  urls.update(master("two", token("b")));
  urls.update(master("three", token("c")));
  for (const old of ["a", "b", "c"]) expect(urls.current(key(token(old)))).toBe(key(token("c")));
  const playlist = `https://keys.test/media/one/title-1.2/v/playlist.m3u8?x=1&Name=${token("a")}&y=2#z`;
  const renewed = `https://keys.test/media/three/title-1.2/v/playlist.m3u8?x=1&Name=${token("c")}&y=2#z`;
  expect(urls.current(playlist)).toBe(renewed);
});

test("a token that was never given is left alone, and so is what only looks like one", () => {
  const urls = new MediaUrls(master("one", token("a")));
  urls.update(master("two", token("b")));
  for (const url of [key(token("x")), key(`${token("a")}a`), `https://else.test/${token("a")}`]) {
    expect(urls.current(url)).toBe(url);
  }
});
