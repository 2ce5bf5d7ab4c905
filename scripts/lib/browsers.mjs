// The system's Chromium: the browser tests use no browser of their own.
import { works } from "./children.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The first Chromium that can be run, or null. */
export async function findChromium() {
  for (const name of [process.env.KEYVEIL_CHROMIUM, ...NAMES.map((name) => `/usr/bin/${name}`)]) {
    if (name && (await works(name, ["--version"]))) return name;
  }
  return null;
}

export const chromiumTool = {
  name: "Chromium",
  package: "chromium",
  check: async () => (await findChromium()) !== null,
};
