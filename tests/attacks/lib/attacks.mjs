// What all attacks share: one installation for each of Playwright's workers, with a private title, and a standard one whose keys plain
// players pass through the page: the control.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sharedClip } from "../../e2e/lib/clips.mjs";
import { binary, PACK_ARGS, start } from "../../e2e/lib/installation.mjs";
import { servePlainPlayers } from "../../e2e/lib/plain-players.mjs";
import { shared } from "../../e2e/lib/shared.mjs";
import { test as base } from "../../e2e/lib/test.mjs";
import { launchByCdp } from "./cdp.mjs";
import { secretsOfTitle, standardSecrets } from "./secrets.mjs";
import { makeTaps } from "./taps.mjs";

export { expect } from "@playwright/test";
export { record } from "./report.mjs";

const SETUP_MS_MAX = 900_000;

/**
 * `target`: { keyveil, fileId, keys, secrets, folder, playerUrl(level), ts(), standard: { fileId, secrets, page() } }. `keyveil` is what
 * `start` gives, `keys` what `reveal` says of the private title, `secrets` all of its secrets but those of its sessions; `ts()` has
 * the same of the same title in TS.
 */
export const test = base.extend({
  target: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from it that nothing is asked for.
    async ({}, use) => {
      const clip = sharedClip("mp4", { secs: 30 });
      const players = await servePlainPlayers();
      const keyveil = await start(clip, { workflow: { container: "fmp4" } });
      try {
        await use(await makeTarget(keyveil, players, clip));
      } finally {
        await keyveil.stop();
        await players.close();
      }
    },
    { scope: "worker", timeout: SETUP_MS_MAX },
  ],
  /** A Chromium that is spoken to by DevTools alone: see cdp.mjs. */
  devtools: [
    async ({ launchOptions }, use) => {
      const browser = await launchByCdp(launchOptions);
      await use(browser);
      await browser.close();
    },
    { scope: "worker" },
  ],
  /** Playbacks under all hooks: see taps.mjs. */
  taps: [({ devtools, target }, use) => use(makeTaps(devtools, target)), { scope: "worker" }],
});

export async function makeTarget(keyveil, players, clip) {
  const fileId = new URLSearchParams(new URL(keyveil.playerUrl).hash.slice(1)).get("file");
  return {
    keyveil,
    ...privateTitle(keyveil, fileId, keyveil.playerUrl),
    async ts() {
      const ts = packed(keyveil, clip, "private TS title", ["--container", "ts"]);
      const { psign } = await keyveil.api("POST", "/v1/player-signatures", { fileId: ts });
      return privateTitle(keyveil, ts, `${keyveil.origin}/player/#${new URLSearchParams({ file: ts, psign })}`);
    },
    standard: await standardTitle(keyveil, players, clip),
  };
}

function privateTitle(keyveil, fileId, address) {
  const keys = keyveil.reveal(fileId);
  return {
    fileId,
    keys,
    secrets: secretsOfTitle(keys),
    folder: join(keyveil.data, "media", fileId),
    playerUrl: (level = "sealed") => (level === "sealed" ? address : `${address}&level=${level}`),
  };
}

/** The file id of a title that is made once for each installation. */
function packed(keyveil, clip, name, args) {
  const file = shared(name, (folder) => {
    const out = join(keyveil.data, "media");
    const before = new Set(readdirSync(out));
    const { apiKey } = JSON.parse(readFileSync(join(keyveil.data, "demo.json"), "utf8"));
    const env = { ...process.env, KEYVEIL_API_KEY: apiKey };
    const server = ["--server", keyveil.origin, "--out", out];
    execFileSync(binary("packager"), ["pack", clip, ...server, ...PACK_ARGS, ...args], { env, stdio: "pipe" });
    const [made] = readdirSync(out).filter((one) => !before.has(one) && !one.startsWith("."));
    writeFileSync(join(folder, name), made);
  });
  return readFileSync(file, "utf8");
}

/** Played by hls.js on a page of its own, `page()`. */
async function standardTitle(keyveil, players, clip) {
  const fileId = packed(keyveil, clip, "standard title", ["--mode", "standard"]);
  const { appId } = await keyveil.api("GET", `/v1/titles/${fileId}`);
  const domains = [`127.0.0.1:${players.port}`, `127.0.0.1:${keyveil.port}`];
  await keyveil.api("PATCH", `/v1/apps/${appId}`, { domains });
  return {
    fileId,
    secrets: standardSecrets(keyveil.reveal(fileId)),
    async page() {
      const { psign } = await keyveil.api("POST", "/v1/player-signatures", { fileId });
      return players.page("hls", `${keyveil.origin}/v1/hls/${fileId}.m3u8?MtsHlsUriToken=${psign}`);
    },
  };
}
