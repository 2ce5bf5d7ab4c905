// Titles beside the one that `npm start` publishes: packed by hand, once for each installation.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../../e2e/lib/installation.mjs";
import { shared } from "../../e2e/lib/shared.mjs";

/** The file id of a title `name`, which is `clip` packed with `args`. */
export function packed(keyveil, name, clip, ...args) {
  const kept = shared(`packed ${name}/file-id`, (folder) => {
    const fileId = `attacks-${name}`;
    const { apiKey } = JSON.parse(readFileSync(join(keyveil.data, "demo.json"), "utf8"));
    const place = ["--server", keyveil.origin, "--out", join(keyveil.data, "media"), "--file-id", fileId];
    const env = { ...process.env, KEYVEIL_API_KEY: apiKey };
    execFileSync(binary("packager"), ["pack", clip, ...place, ...args], { env, stdio: "pipe" });
    writeFileSync(join(folder, "file-id"), fileId);
  });
  return readFileSync(kept, "utf8");
}

/** A signature for the title. */
export async function signed(keyveil, fileId, claims = {}) {
  return (await keyveil.api("POST", "/v1/player-signatures", { fileId, ...claims })).psign;
}
