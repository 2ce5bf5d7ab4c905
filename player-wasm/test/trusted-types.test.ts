import { afterEach, beforeEach, expect, test, vi } from "vitest";

const WORKER = "https://app.test/sdk/worker.js";

type Rules = { createScriptURL(url: string): string; createHTML(html: string): string };

let trusted: typeof import("../ts/page/trusted-types.js");
let rules: Rules | null;
let names: string[];

beforeEach(async () => {
  // A page has one policy of a name: each test is a page of its own.
  vi.resetModules();
  [rules, names] = [null, []];
  trusted = await import("../ts/page/trusted-types.js");
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function allow() {
  vi.stubGlobal("trustedTypes", {
    createPolicy: (name: string, given: Rules) => {
      names.push(name);
      rules = given;
      return {
        createScriptURL: (url: string) => `trusted ${given.createScriptURL(url)}`,
        createHTML: (html: string) => `trusted ${given.createHTML(html)}`,
      };
    },
  });
}

test("worker and template go through the one policy", () => {
  allow();
  expect(trusted.trustedWorkerUrl(WORKER)).toBe(`trusted ${WORKER}`);
  expect(trusted.trustedTemplate("<p>")).toBe("trusted <p>");
  expect(trusted.trustedWorkerUrl(`${WORKER}?2`)).toBe(`trusted ${WORKER}?2`);
  expect(names).toEqual(["keyveil"]);
});

test("the policy passes nothing else", () => {
  allow();
  trusted.trustedWorkerUrl(WORKER);
  expect(rules?.createScriptURL(WORKER)).toBe(WORKER);
  for (const url of [`${WORKER}#`, "https://elsewhere.test/worker.js", ""])
    expect(() => rules?.createScriptURL(url), url).toThrow(TypeError);
  expect(() => rules?.createHTML("<img>")).toThrow(TypeError);
});

test("a worker comes from a server", () => {
  for (const url of ["blob:https://app.test/1", "data:text/javascript,0", "javascript:0", "worker.js"])
    expect(() => trusted.trustedWorkerUrl(url), url).toThrow(TypeError);
});

test("where there are no Trusted Types, or the page allows no such policy, the browser decides", () => {
  expect(trusted.trustedWorkerUrl(WORKER)).toBe(WORKER);
  vi.stubGlobal("trustedTypes", {
    createPolicy: () => {
      throw new TypeError("disallowed");
    },
  });
  expect(trusted.trustedTemplate("<p>")).toBe("<p>");
});
