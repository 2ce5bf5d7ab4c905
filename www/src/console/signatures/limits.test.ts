import { expect, test } from "vitest";
import { consoleEn } from "../../i18n/console.ts";
import { type LimitsDraft, limitProblems, limitsOf, NO_LIMITS } from "./limits.ts";

const wrong = (change: Partial<LimitsDraft>, uid = "ann") => [
  ...limitProblems({ ...NO_LIMITS, ...change }, uid).keys(),
];

test("where nothing is filled in, nothing is asked for", () => {
  expect(wrong({}, "")).toEqual([]);
  expect(limitsOf(NO_LIMITS)).toEqual({});
});

test("what is filled in is asked for in the units of the API", () => {
  const draft: LimitsDraft = {
    previewSecs: "300",
    addressLimit: "3",
    ip: "192.0.2.0/24, 2001:db8::/32\n198.51.100.7",
    domains: "example.com *.example.org",
    once: true,
    sessions: "2",
    us: "campaign_7",
    watermark: " ann ",
    resolutionNames: "720 HD\n\n1080: Full HD \n",
    kid: "k2",
    minLevel: "guarded",
    belowMinLevel: "SD",
  };
  expect(wrong(draft)).toEqual([]);
  expect(limitsOf(draft)).toEqual({
    previewSecs: 300,
    addressLimit: 3,
    ip: ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"],
    domains: ["example.com", "*.example.org"],
    once: true,
    sessions: 2,
    us: "campaign_7",
    watermark: "ann",
    resolutionNames: [
      { minEdgeLength: 720, name: "HD" },
      { minEdgeLength: 1080, name: "Full HD" },
    ],
    kid: "k2",
    minLevel: "guarded",
    belowMinLevel: "SD",
  });
});

test("what a lower level gets is asked for only with a least level", () => {
  expect(limitsOf({ ...NO_LIMITS, belowMinLevel: "HD" })).toEqual({});
  expect(limitsOf({ ...NO_LIMITS, minLevel: "sealed" })).toEqual({ minLevel: "sealed", belowMinLevel: "refuse" });
});

test("each limit is held", () => {
  for (const [field, fits, not] of [
    ["previewSecs", ["1", "2147483648"], ["0", "-1", "1.5", "2147483649", "x"]],
    ["addressLimit", ["1", "9"], ["0", "10"]],
    ["sessions", ["1", "100"], ["0", "101"]],
    ["us", ["a".repeat(64)], ["a".repeat(65), "a b", "é"]],
    ["watermark", ["é".repeat(64)], ["é".repeat(65)]],
    ["ip", ["a ".repeat(16)], ["a ".repeat(17)]],
    ["domains", ["a ".repeat(32)], ["a ".repeat(33)]],
    ["resolutionNames", ["720 HD\n".repeat(16)], ["720 HD\n".repeat(17), "HD", "720", "x HD"]],
  ] as const) {
    for (const text of fits) expect(wrong({ [field]: text }), `${field} ${text}`).toEqual([]);
    for (const text of not) expect(wrong({ [field]: text }), `${field} ${text}`).toEqual([field]);
  }
});

test("sessions at once are those of a viewer", () => {
  expect(wrong({ sessions: "2" }, " ")).toEqual(["sessions"]);
  for (const key of limitProblems({ ...NO_LIMITS, sessions: "2", us: "?" }, "").values())
    expect(consoleEn[key]).toBeTruthy();
});
