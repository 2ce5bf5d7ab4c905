// The console in a browser before the stand-in server of www/test.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect as strict } from "@playwright/test";
import { startMock } from "../../../www/test/mock-api.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A busy machine may take its time: these tests ask what is shown, not how fast. */
export const expect = strict.configure({ timeout: 20_000 });

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** The stand-in, and what a page complains of: nothing may be left over at a test's end but what it expects. */
export async function startConsole(options) {
  const mock = await startMock(options);
  const address = (place = "/titles") => `${mock.origin}/console/#${place}`;
  let loads = 0;
  /** The same place, and loaded anew also where the window has the console already. */
  const anew = (place) => {
    loads += 1;
    return `${mock.origin}/console/?load=${loads}#${place}`;
  };
  return { ...mock, address, anew };
}

/** Gathers errors, warnings and breaches of the Content-Security-Policy. */
export async function complaintsOf(page) {
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.exposeFunction("keyveilComplaint", (text) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      window.keyveilComplaint(`Content-Security-Policy ${violatedDirective}: ${blockedURI}`),
    );
  });
  return complaints;
}

/** Signs in without the form. */
export async function signedIn(context, { data, origin }) {
  data.signedIn = true;
  await context.addCookies([{ name: "keyveil_session", value: "mock-session", url: origin }]);
}

export async function choose(context, { language = "en", theme = "light" }) {
  await context.addInitScript(
    ([chosen, look]) => {
      if (location.protocol === "about:") return;
      localStorage.setItem("keyveil.language", chosen);
      localStorage.setItem("keyveil.theme", look);
    },
    [language, theme],
  );
}

/** What every page is shown in: each width, language and theme once. */
export const LOOKS = [
  { name: "wide-en", viewport: WIDE, language: "en", theme: "light" },
  { name: "phone-zh-dark", viewport: PHONE, language: "zh", theme: "dark" },
];

/** The breaches of serious or critical impact, each in a line. */
export async function graveBreaches(page) {
  // Things that fade or breathe have other colours on the way.
  await page.emulateMedia({ reducedMotion: "reduce" });
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`,
    );
}

/** No grave breach, and nothing wider than the window. `KEYVEIL_PICTURES=1` leaves a picture to look at. */
export async function expectSound(page, name) {
  expect(await graveBreaches(page), name).toEqual([]);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(beyond, `${name}: wider than the window`).toBe(0);
  if (process.env.KEYVEIL_PICTURES) await page.screenshot({ path: `test-results/console/${name}.png` });
}
