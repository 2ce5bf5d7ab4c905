// Suites of browser tests: projects of tests/playwright.config.mjs, in the browsers that were found.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { findChromium, findFirefox, findMiniBrowser } from "./browsers.mjs";
import { inRoot, targetDir } from "./places.mjs";
import { pythonTool } from "./python-tools.mjs";

/** Resolves to a function that makes the suite of some projects. All of a run have the same titles, which are made once. */
export async function playwrightSuites() {
  const data = join(targetDir, "browser-tests");
  await rm(data, { recursive: true, force: true });
  const env = {
    KEYVEIL_CHROMIUM: await findChromium(),
    KEYVEIL_FIREFOX: await findFirefox(),
    KEYVEIL_MINIBROWSER: await findMiniBrowser(),
    KEYVEIL_YT_DLP: pythonTool("yt-dlp"),
    KEYVEIL_STREAMLINK: pythonTool("streamlink"),
    KEYVEIL_MOTO_SERVER: pythonTool("moto_server"),
    KEYVEIL_TEST_DATA: data,
    // Pictures of the console's pages, for a person to look at: tests/test-results/console.
    KEYVEIL_PICTURES: "1",
    CI: "1",
  };
  return (name, ...projects) => ({
    name,
    command: "npx",
    args: [
      "--no-install",
      "playwright",
      "test",
      "--reporter=list,./attacks/lib/report.mjs",
      ...projects.map((project) => `--project=${project}`),
    ],
    env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== null)),
    cwd: inRoot("tests"),
  });
}
