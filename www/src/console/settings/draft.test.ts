import { expect, test } from "vitest";
import type { App } from "../api/apps.ts";
import { type AppDraft, appDraftOf, changeOf, checkApp, isDomain } from "./draft.ts";

const app: App = {
  appId: 1_000_001,
  name: "Courses",
  domains: ["example.com", "*.example.com", "localhost:3000"],
  maxAgeSecs: 86_400,
  defaultWorkflowId: null,
  uploadBytesMax: 20_000_000_000,
  uploadTypes: ["mp4", "mov"],
  minLevel: "standard",
  belowMinLevel: "refuse",
  createdAt: 1,
};
const draft = appDraftOf(app);
const wrong = (change: Partial<AppDraft>): string[] => [...checkApp({ ...draft, ...change }).keys()];

test("what was not touched is not sent", () => {
  expect(wrong({})).toEqual([]);
  expect(changeOf(app, draft)).toEqual({});
  expect(changeOf(app, { ...draft, name: " New " })).toEqual({ name: "New" });
  expect(changeOf({ ...app, defaultWorkflowId: "x" }, draft)).toEqual({ defaultWorkflowId: null });
  expect(changeOf(app, { ...draft, domains: "example.com\n" })).toEqual({ domains: ["example.com"] });
  expect(changeOf(app, { ...draft, uploadTypes: ".MP4 mov, mkv" })).toEqual({ uploadTypes: ["mp4", "mov", "mkv"] });
  expect(changeOf(app, { ...draft, minLevel: "sealed" })).toEqual({ minLevel: "sealed" });
  expect(changeOf({ ...app, minLevel: "sealed" }, { ...draft, minLevel: "sealed", belowMinLevel: "SD" })).toEqual({
    belowMinLevel: "SD",
  });
});

test("an age is shown in its largest whole unit", () => {
  expect([draft.maxAge, draft.maxAgeUnit]).toEqual(["1", "days"]);
  const odd = appDraftOf({ ...app, maxAgeSecs: 5400 });
  expect([odd.maxAge, odd.maxAgeUnit]).toEqual(["90", "minutes"]);
  expect(changeOf({ ...app, maxAgeSecs: 90 }, appDraftOf({ ...app, maxAgeSecs: 90 }))).toEqual({});
});

test("each field's limits are held", () => {
  expect(wrong({ name: " " })).toEqual(["name"]);
  expect(wrong({ domains: "https://example.com" })).toEqual(["domains"]);
  expect(wrong({ domains: Array.from({ length: 65 }, (_, n) => `h${n}.example.com`).join(" ") })).toEqual(["domains"]);
  for (const maxAge of ["", "0", "367", "x", "-1"]) expect(wrong({ maxAge }), maxAge).toEqual(["maxAgeSecs"]);
  expect(wrong({ maxAge: "366" })).toEqual([]);
  for (const size of ["0", "2000", ""]) expect(wrong({ uploadGigabytes: size }), size).toEqual(["uploadBytesMax"]);
  for (const types of ["", "m p4!", "a".repeat(17)])
    expect(wrong({ uploadTypes: types }), types).toEqual(["uploadTypes"]);
  expect(wrong({ domains: "" }), "no domain: this server's own pages only").toEqual([]);
});

test("a domain is a host name, with a star in front or a port behind", () => {
  for (const good of ["example.com", "*.example.com", "localhost:3000", "*.a.example:8443", "[::1]:3000", "127.0.0.1"])
    expect(isDomain(good), good).toBe(true);
  for (const bad of ["https://example.com", "example.com/x", "*", "a.*.com", "*.*.com", "", "a b", "x:99999"])
    expect(isDomain(bad), bad).toBe(false);
});
