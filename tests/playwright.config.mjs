// Browser tests: Debian's Chromium, headless. Two files at a time: each of Playwright's workers has an installation of its own, and
// those of the console before its stand-in need no order and share nothing. What plays in the SDK runs once for
// each level (see docs/LEVELS.md), the rest once.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { defineConfig } from "@playwright/test";
import { isCluster } from "../scripts/lib/set-up.mjs";
import { EMBEDDED_ONLY } from "./cluster/lib/embedded-only.mjs";

const CONSOLE = "console-*.spec.mjs";
const WEBKIT = "webkit.spec.mjs";
const STRESS = "stress.spec.mjs";
const LEVELLED = [
  "modes",
  "pacing",
  "playback",
  "policy",
  "preview",
  "refusals",
  "session",
  "thumbnails",
  "watermark",
].map((name) => `${name}.spec.mjs`);

/** What Playwright can't do by WebDriver BiDi. */
const NOT_IN_FIREFOX = [
  // A request's body is not known there: it can be neither altered nor sent again.
  /build_unknown: a player of another installation/,
  /server_key_unknown: the envelope names a server key that is not pinned/,
  /envelope_rejected: /,
  /a captured key request can't be used again/,
  // Nothing makes it prefer less motion.
  /who wants less motion sees it jump/,
];

/** What `npm start` starts has been made once. */
const PREPARED = { dependencies: ["made"] };

const atLevel = (level) => ({
  ...PREPARED,
  name: level,
  testMatch: LEVELLED,
  outputDir: `test-results/${level}`,
  use: { level },
});

/** Nobody runs by mistake what would mean nothing there: it is not known in that set-up. */
const left = (projects) =>
  isCluster() ? projects.filter(({ name }) => !EMBEDDED_ONLY.some(({ project }) => project === name)) : projects;

export default defineConfig({
  testDir: "e2e",
  globalSetup: "./e2e/lib/shared-data.mjs",
  testMatch: "*.spec.mjs",
  projects: left([
    { name: "console", testMatch: CONSOLE, fullyParallel: true, outputDir: "test-results/console" },
    { name: "made", testMatch: "installation.setup.mjs", outputDir: "test-results/made" },
    atLevel("sealed"),
    atLevel("guarded"),
    {
      ...atLevel("guarded"),
      name: "firefox",
      // Policies are asked where there are Trusted Types; how a worker waits is the same everywhere.
      testIgnore: ["pacing.spec.mjs", "policy.spec.mjs"],
      grepInvert: NOT_IN_FIREFOX,
      outputDir: "test-results/firefox",
      use: {
        level: "guarded",
        browserName: "firefox",
        channel: "moz-firefox",
        launchOptions: {
          executablePath: fileURLToPath(new URL("e2e/lib/firefox.mjs", import.meta.url)),
          // Without a click, as in Chromium here.
          firefoxUserPrefs: {
            "media.autoplay.default": 0,
            "full-screen-api.allow-trusted-requests-only": false,
            // A mouse, which it does not see without a screen: fine, and able to hover.
            "ui.primaryPointerCapabilities": 6,
            "ui.allPointerCapabilities": 6,
          },
        },
      },
    },
    // By itself: `npm run attacks`.
    { ...PREPARED, name: "attacks", testDir: "attacks", outputDir: "test-results/attacks" },
    // Load has a command of its own, `npm run stress`.
    { ...PREPARED, name: "stress", testMatch: STRESS, outputDir: "test-results/stress" },
    { ...atLevel("guarded"), name: "webkit", testMatch: WEBKIT, outputDir: "test-results/webkit" },
    {
      ...PREPARED,
      name: "installation",
      testIgnore: [CONSOLE, WEBKIT, STRESS, ...LEVELLED],
      outputDir: "test-results/installation",
    },
  ]),
  // A cluster is six processes, and there is one at a time.
  workers: isCluster() ? 1 : 2,
  timeout: 180_000,
  reporter: [["list"], ["./attacks/lib/report.mjs"]],
  use: {
    headless: true,
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      // `npm test` says which one it found; by hand, the one on the path.
      executablePath:
        process.env.KEYVEIL_CHROMIUM || execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
      ],
    },
  },
});
