import { M3U8Parser, PlaylistLevelType } from "hls.js";
import { describe, expect, test } from "vitest";
import { KeyveilError } from "../ts/errors.js";
import { rewritePlaylist } from "../ts/hls/playlist.js";
import { parseSegmentRef, splitSegmentUrl } from "../ts/protocol.js";

const tag = (period: number, changes: Record<string, string | null> = {}) => {
  const attributes: Record<string, string | null> = {
    METHOD: "KEYVEIL",
    URI: `"keyveil:title-1/${period}"`,
    CIPHER: '"aes-128-cbc"',
    "TRACK-CLASS": '"HD"',
    RENDITION: "2",
    KEYFORMAT: '"com.keyveil"',
    KEYFORMATVERSIONS: '"1"',
    ...changes,
  };
  const list = Object.entries(attributes).filter(([, value]) => value !== null);
  return `#EXT-X-KEY:${list.map(([name, value]) => `${name}=${value}`).join(",")}`;
};

const PRIVATE = { isPrivate: true, clearLead: 0, denied: new Set<string>() };
const CLEAR = { ...PRIVATE, isPrivate: false };

const playlist = (...lines: string[]) => ["#EXTM3U", "#EXT-X-VERSION:7", ...lines, "#EXT-X-ENDLIST"].join("\n");
const body = (text: string) => text.split("\n").slice(2, -1);

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    if (thrown instanceof KeyveilError) return thrown.code;
    throw thrown;
  }
  return "not refused";
}

/** The methods of the keys that hls.js would decrypt with. */
const keysOfHlsJs = (text: string) =>
  M3U8Parser.parseLevelPlaylist(text, "http://h/", 0, PlaylistLevelType.MAIN, 0, null).fragments.map(
    (fragment) => fragment?.levelkeys?.identity?.method ?? null,
  );

describe("a private playlist", () => {
  test("of fMP4 marks segments and leaves the init segment alone", () => {
    const lines = ['#EXT-X-MAP:URI="init.mp4"', tag(0), "#EXTINF:6,", "s0.m4s", "#EXTINF:6,", "s1.m4s"];
    expect(body(rewritePlaylist(playlist(...lines), PRIVATE))).toEqual([
      '#EXT-X-MAP:URI="init.mp4"',
      "#EXT-X-KEY:METHOD=NONE",
      "#EXTINF:6,",
      "s0.m4s#keyveil=title-1/2/0/2/0",
      "#EXTINF:6,",
      "s1.m4s#keyveil=title-1/2/0/2/1",
    ]);
  });

  test("of several periods names each segment's period", () => {
    const lines = [tag(0), "#EXTINF:6,", "s0.ts", "#EXTINF:6,", "s1.ts", tag(1), "#EXTINF:6,", "s2.ts"];
    const uris = body(rewritePlaylist(playlist(...lines), PRIVATE)).filter((line) => !line.startsWith("#"));
    expect(uris).toEqual([
      "s0.ts#keyveil=title-1/2/0/2/0",
      "s1.ts#keyveil=title-1/2/0/2/1",
      "s2.ts#keyveil=title-1/2/1/2/2",
    ]);
  });

  test("in the authenticated cipher says so with each segment", () => {
    const lines = [tag(0, { CIPHER: '"chacha20-poly1305"' }), "#EXTINF:6,", "s0.ts", "#EXTINF:6,", "s1.ts"];
    const uris = body(rewritePlaylist(playlist(...lines), PRIVATE)).filter((line) => !line.startsWith("#"));
    expect(uris).toEqual([
      "s0.ts#keyveil=title-1/2/0/2/0/chacha20-poly1305",
      "s1.ts#keyveil=title-1/2/0/2/1/chacha20-poly1305",
    ]);
  });

  test("with byte ranges keeps them", () => {
    const lines = [
      tag(0),
      "#EXTINF:6,",
      "#EXT-X-BYTERANGE:1024@0",
      "all.ts",
      "#EXTINF:6,",
      "#EXT-X-BYTERANGE:512",
      "all.ts",
    ];
    expect(body(rewritePlaylist(playlist(...lines), PRIVATE))).toEqual([
      "#EXT-X-KEY:METHOD=NONE",
      "#EXTINF:6,",
      "#EXT-X-BYTERANGE:1024@0",
      "all.ts#keyveil=title-1/2/0/2/0",
      "#EXTINF:6,",
      "#EXT-X-BYTERANGE:512",
      "all.ts#keyveil=title-1/2/0/2/1",
    ]);
  });

  test("counts segments from the media sequence, whatever the line ends and blank lines are", () => {
    const lines = ["#EXT-X-MEDIA-SEQUENCE:40", tag(4), "#EXTINF:6,", "", "s40.ts?q=1", "#EXTINF:6,", "s41.ts#old"];
    const text = rewritePlaylist(playlist(...lines).replaceAll("\n", "\r\n"), PRIVATE);
    expect(text).toContain("s40.ts?q=1#keyveil=title-1/2/4/2/40");
    expect(text).toContain("s41.ts#keyveil=title-1/2/4/2/41");
  });

  test("with anything that would play without our keys is refused", () => {
    const ours = [tag(0), "#EXTINF:6,", "s0.ts"];
    const foreign = '#EXT-X-KEY:METHOD=AES-128,URI="https://elsewhere/key"';
    for (const lines of [
      ["#EXTINF:6,", "s0.ts"],
      ["#EXTINF:6,", "s0.ts#keyveil=title-1/2/0/2/0", ...ours],
      [foreign, "#EXTINF:6,", "s0.ts"],
      [...ours, foreign, "#EXTINF:6,", "s1.ts"],
      [...ours, "#EXT-X-KEY:METHOD=NONE", "#EXTINF:6,", "s1.ts"],
    ]) {
      expect(codeOf(() => rewritePlaylist(playlist(...lines), PRIVATE))).toBe("key_tag_malformed");
    }
  });

  test("with a date range, which hls.js may play another title for, is refused", () => {
    const lines = [tag(0), "#EXTINF:6,", "s0.ts"];
    const range =
      '#EXT-X-DATERANGE:ID="1",CLASS="com.apple.hls.interstitial",START-DATE="1970-01-01T00:00:00Z",X-ASSET-URI="x"';
    expect(rewritePlaylist(playlist(...lines), PRIVATE)).toContain("#keyveil=");
    for (const line of [range, `# hidden\u2028${range}`, range.replace("hls.interstitial", "{$name}")]) {
      expect(
        codeOf(() => rewritePlaylist(playlist(line, ...lines), PRIVATE)),
        line,
      ).toBe("key_tag_malformed");
    }
    const clear = playlist(range, "#EXTINF:6,", "s0.ts");
    expect(rewritePlaylist(clear, CLEAR)).toBe(clear);
  });

  test("with a key tag that hls.js finds and we would take for something else is refused", () => {
    const key = '#EXT-X-KEY:METHOD=AES-128,URI="data:;base64,AAAAAAAAAAAAAAAAAAAAAA==",IV=0x0';
    const media = (...lines: string[]) => playlist("#EXT-X-TARGETDURATION:6", ...lines, tag(0), "#EXTINF:6,", "s0.ts");
    expect(rewritePlaylist(media("# a comment"), PRIVATE)).toContain("#keyveil=");
    for (const hidden of [
      `# x\r${key}`,
      `# x\u2028${key}`,
      `# x\u2029${key}`,
      `\t${key}`,
      `\u00a0${key}`,
      `#EXTINF:6${key}`,
    ]) {
      const lines = ["#EXT-X-TARGETDURATION:6", hidden, "#EXTINF:6,", "s0.ts"];
      expect(keysOfHlsJs(playlist(...lines)), "hls.js takes it").toEqual(["AES-128"]);
      for (const rules of [PRIVATE, { ...PRIVATE, clearLead: 9 }]) {
        expect(
          codeOf(() => rewritePlaylist(media(hidden), rules)),
          hidden,
        ).toBe("key_tag_malformed");
      }
    }
    expect(codeOf(() => rewritePlaylist(media("# x\r# y"), PRIVATE))).toBe("key_tag_malformed");
    const clear = playlist(`# x\r${key}`, "#EXTINF:6,", "s0.ts");
    expect(rewritePlaylist(clear, CLEAR), "a clear title's is hls.js' own matter").toBe(clear);
  });

  test("that hides its tags behind blanks and calls itself a master is refused", () => {
    const disguised = (key: string) =>
      playlist("#EXT-X-STREAM-INF:BANDWIDTH=1", "\t#EXT-X-TARGETDURATION:6", key, "\t#EXTINF:6,", "s0.ts");
    expect(keysOfHlsJs(disguised('\t#EXT-X-KEY:METHOD=AES-128,URI="data:,x",IV=0x0'))).toEqual(["AES-128"]);
    for (const key of ["", '\t#EXT-X-KEY:METHOD=AES-128,URI="data:,x",IV=0x0']) {
      expect(codeOf(() => rewritePlaylist(disguised(key), PRIVATE))).toBe("key_tag_malformed");
    }
    const master = playlist("#EXT-X-STREAM-INF:BANDWIDTH=1", "v/playlist.m3u8");
    expect(rewritePlaylist(master, PRIVATE)).toBe(master);
  });

  test("has its clear lead without marks, and not one segment more", () => {
    const lead = ["#EXTINF:6,", "s0.ts", "#EXTINF:6,", "s1.ts"];
    const rest = [tag(0), "#EXTINF:6,", "s2.ts"];
    const uris = (text: string) => body(text).filter((line) => !line.startsWith("#"));
    const rules = { ...PRIVATE, clearLead: 2 };
    expect(uris(rewritePlaylist(playlist(...lead, ...rest), rules))).toEqual([
      "s0.ts",
      "s1.ts",
      "s2.ts#keyveil=title-1/2/0/2/2",
    ]);
    for (const clearLead of [0, 1]) {
      const refused = codeOf(() => rewritePlaylist(playlist(...lead, ...rest), { ...PRIVATE, clearLead }));
      expect(refused, `a lead of ${clearLead}`).toBe("key_tag_malformed");
    }
  });

  test("is refused where a clear lead is followed by anything but our keys", () => {
    const rules = { ...PRIVATE, clearLead: 1 };
    const lead = ["#EXTINF:6,", "s0.ts"];
    for (const lines of [
      [...lead, "#EXTINF:6,", "s1.ts"],
      [...lead, "#EXT-X-KEY:METHOD=NONE", "#EXTINF:6,", "s1.ts"],
      ['#EXT-X-KEY:METHOD=AES-128,URI="https://elsewhere/key"', ...lead],
      ["#EXT-X-MEDIA-SEQUENCE:1", ...lead],
      [...lead, tag(0), "#EXTINF:6,", "s1.ts", "#EXT-X-KEY:METHOD=NONE", "#EXTINF:6,", "s2.ts"],
    ]) {
      expect(
        codeOf(() => rewritePlaylist(playlist(...lines), rules)),
        lines.join(),
      ).toBe("key_tag_malformed");
    }
    expect(rewritePlaylist(playlist(...lead), rules)).toBe(playlist(...lead));
  });

  test("ignores unknown attributes and their order", () => {
    const line = `${tag(0).replace("METHOD=KEYVEIL,", "")},METHOD=KEYVEIL,X-NEW="a,b=c"`;
    expect(body(rewritePlaylist(playlist(line, "#EXTINF:6,", "s0.ts"), PRIVATE)).at(-1)).toContain("#keyveil=");
  });
});

test("a media playlist that also names a variant is held to the rules of one, as hls.js takes it for one", () => {
  const variant = ["#EXT-X-STREAM-INF:BANDWIDTH=1"];
  for (const lines of [
    [...variant, "#EXTINF:6,", "s0.ts"],
    ["#EXT-X-TARGETDURATION:6", ...variant, "s0.ts"],
  ]) {
    expect(codeOf(() => rewritePlaylist(playlist(...lines), PRIVATE))).toBe("key_tag_malformed");
  }
});

test("a clear playlist stays byte for byte as it is", () => {
  const text = playlist('#EXT-X-MAP:URI="init.mp4"', "#EXTINF:6,", "s0.m4s#t=1");
  expect(rewritePlaylist(text, CLEAR)).toBe(text);
});

test("another vendor's key tag is left to hls.js", () => {
  const text = playlist('#EXT-X-KEY:METHOD=AES-128,URI="https://keys/1"', "#EXTINF:6,", "s0.ts");
  expect(rewritePlaylist(text, CLEAR)).toBe(text);
});

describe("a malformed key tag is refused, never played as clear", () => {
  const cases: Record<string, string> = {
    "method and format contradict": tag(0, { METHOD: "AES-128" }),
    "method only": "#EXT-X-KEY:METHOD=KEYVEIL",
    "other format": tag(0, { KEYFORMAT: '"identity"' }),
    "other version": tag(0, { KEYFORMATVERSIONS: '"2"' }),
    "unknown cipher": tag(0, { CIPHER: '"none"' }),
    "no cipher": tag(0, { CIPHER: null }),
    "unknown class": tag(0, { "TRACK-CLASS": '"8K"' }),
    "quoted number": tag(0, { RENDITION: '"2"' }),
    "number over its range": tag(0, { RENDITION: "65536" }),
    "negative number": tag(0, { RENDITION: "-1" }),
    "leading zero": tag(0, { RENDITION: "02" }),
    "period over its range": tag(0, { URI: '"keyveil:title-1/4294967296"' }),
    "no period": tag(0, { URI: '"keyveil:title-1"' }),
    "file id with a slash": tag(0, { URI: '"keyveil:a/b/0"' }),
    "file id too long": tag(0, { URI: `"keyveil:${"a".repeat(65)}/0"` }),
    "other scheme": tag(0, { URI: '"https://host/0"' }),
    "repeated attribute": `${tag(0)},RENDITION=2`,
    "open quote": `${tag(0)},X="abc`,
    "trailing comma": `${tag(0)},`,
    "line too long": `${tag(0)},X="${"a".repeat(1024)}"`,
  };
  for (const [name, line] of Object.entries(cases)) {
    test(name, () => {
      expect(codeOf(() => rewritePlaylist(playlist(line, "#EXTINF:6,", "s0.ts"), PRIVATE))).toBe("key_tag_malformed");
    });
  }

  test("partial segments", () => {
    const lines = [tag(0), '#EXT-X-PART:DURATION=1,URI="p0.mp4"', "#EXTINF:6,", "s0.ts"];
    expect(codeOf(() => rewritePlaylist(playlist(...lines), PRIVATE))).toBe("key_tag_malformed");
  });
});

describe("a master playlist", () => {
  const master = playlist(
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="a/playlist.m3u8"',
    "#EXT-X-STREAM-INF:BANDWIDTH=1",
    "v360p/playlist.m3u8",
    "#EXT-X-STREAM-INF:BANDWIDTH=2",
    "./v2160p/playlist.m3u8",
  );

  test("loses the variants whose keys the signature does not give", () => {
    const text = rewritePlaylist(master, { ...PRIVATE, denied: new Set(["v2160p/playlist.m3u8"]) });
    expect(text).toContain("v360p/playlist.m3u8");
    expect(text).not.toContain("2160p");
    expect(text).not.toContain("BANDWIDTH=2");
    expect(text).toContain("a/playlist.m3u8");
  });

  test("loses them also where a media origin signed their addresses", () => {
    const signed = master.replace(
      "./v2160p/playlist.m3u8",
      "https://cdn.test/v/title-1/v2160p/playlist.m3u8?auth_key=1-2-0-f",
    );
    const text = rewritePlaylist(signed, { ...PRIVATE, denied: new Set(["v2160p/playlist.m3u8"]) });
    expect(text).not.toContain("2160p");
    expect(rewritePlaylist(signed, { ...PRIVATE, denied: new Set(["160p/playlist.m3u8"]) })).toBe(signed);
  });

  test("without any playable variant is refused", () => {
    const denied = new Set(["v2160p/playlist.m3u8", "v360p/playlist.m3u8"]);
    expect(codeOf(() => rewritePlaylist(master, { ...PRIVATE, denied }))).toBe("key_not_granted");
  });

  test("stays as it is when all is granted", () => {
    expect(rewritePlaylist(master, PRIVATE)).toBe(master);
  });
});

describe("a segment reference", () => {
  test("is split off the address", () => {
    expect(splitSegmentUrl("http://h/s.ts#keyveil=t/0/1/2/3")).toEqual({
      url: "http://h/s.ts",
      reference: "t/0/1/2/3",
    });
    expect(splitSegmentUrl("http://h/s.ts#t=1")).toBeNull();
  });

  test("that breaks the form is none", () => {
    expect(parseSegmentRef("t/0/1/2/3")).toMatchObject({ fileId: "t", segment: 3, cipher: "aes-128-cbc" });
    const other = parseSegmentRef("t/0/1/2/3/chacha20-poly1305");
    expect(other).toMatchObject({ fileId: "t", segment: 3, cipher: "chacha20-poly1305" });
    for (const text of [
      "",
      "t/4/1/2/3",
      "t/0/1/2",
      "t/0/1/2/3/4",
      "t/0/1/2/3/aes-128-cbc",
      "t/0/1/2/3/chacha20",
      "t/0/1/2/3/chacha20-poly1305/",
      "t/0/1/65536/3",
      "t/0/4294967296/1/3",
      "../0/1/2/3",
    ]) {
      expect(parseSegmentRef(text), text).toBeNull();
    }
  });
});
