// The system's browsers: the browser tests bring none of their own.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { works } from "./children.mjs";
import { exists } from "./fingerprint.mjs";

const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"];
const FIREFOX = ["firefox-esr", "firefox"];

/** The first Chromium that can be run, or null. */
export const findChromium = () => firstOf(process.env.KEYVEIL_CHROMIUM, CHROMIUM);

/** The first Firefox that can be run, or null. */
export const findFirefox = () => firstOf(process.env.KEYVEIL_FIREFOX, FIREFOX);

async function firstOf(chosen, names) {
  for (const path of [chosen, ...names.map((name) => `/usr/bin/${name}`)]) {
    if (path && (await works(path, ["--version"]))) return path;
  }
  return null;
}

/** WebKitGTK's own small browser, or null. */
export const findMiniBrowser = () => inLibraries("webkit2gtk-4.1", "MiniBrowser");

export const chromiumTool = {
  name: "Chromium",
  package: "chromium",
  check: async () => (await findChromium()) !== null,
};

export const firefoxTool = {
  name: "Firefox",
  package: "firefox-esr",
  check: async () => (await findFirefox()) !== null,
};

const plugin = (file, part) => ({
  name: `GStreamer's ${part}`,
  package: `gstreamer1.0-${part}`,
  check: async () => (await inLibraries("gstreamer-1.0", file)) !== null,
});

/** It has no mode without a display, and plays what GStreamer can: MP4, H.264 and AAC take three of its collections. */
export const webkitTools = [
  { name: "WebKitWebDriver", package: "webkit2gtk-driver", check: () => exists("/usr/bin/WebKitWebDriver") },
  { name: "MiniBrowser", package: "webkit2gtk-driver", check: async () => (await findMiniBrowser()) !== null },
  { name: "Xvfb", package: "xvfb", check: () => exists("/usr/bin/xvfb-run") },
  plugin("libgstisomp4.so", "plugins-good"),
  plugin("libgstvideoparsersbad.so", "plugins-bad"),
  plugin("libgstlibav.so", "libav"),
];

/** In the libraries of whatever machine this is, or null. */
async function inLibraries(folder, file) {
  for (const machine of await readdir("/usr/lib").catch(() => [])) {
    const path = join("/usr/lib", machine, folder, file);
    if (machine.includes("-linux-") && (await exists(path))) return path;
  }
  return null;
}
