// Four qualities by `packager pack`, and by ffmpeg alone with the arguments that the packager gives it, clear and into files.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { keyveil } from "./contenders.mjs";
import { cost } from "./measure.mjs";

export const RUNGS = "360p,480p,720p,1080p";
const BASE = /^http:\/\/ffmpeg:ask@[^/]+\/[0-9a-f]+/;

/** The arguments that one run of the packager gives to ffmpeg. */
export async function observedArguments(input, folder, stack, more) {
  const seen = join(folder, "arguments");
  const tools = join(folder, "tools");
  mkdirSync(tools, { recursive: true });
  const real = execFileSync("sh", ["-c", "command -v ffmpeg"], { encoding: "utf8" }).trim();
  const shim = join(tools, "ffmpeg");
  writeFileSync(shim, `#!/bin/sh\nprintf '%s\\0' "$@" > '${seen}'\nexec '${real}' "$@"\n`);
  chmodSync(shim, 0o755);
  const { command, env } = keyveil(input, join(folder, "observed"), "fmp4", stack, more);
  await cost(command, { env: { ...env, PATH: `${tools}${delimiter}${process.env.PATH}` } });
  return readFileSync(seen, "utf8").split("\0").slice(0, -1);
}

/** The same, but into files. Makes their folders. */
export function intoFiles(args, out) {
  const local = args.map((text) => text.replace(BASE, out));
  for (const playlist of local.filter((text) => text.startsWith(out) && text.endsWith(".m3u8")))
    mkdirSync(join(playlist, ".."), { recursive: true });
  const http = ["-method", "-http_persistent"];
  return local.filter((text, at) => !http.includes(text) && !http.includes(local[at - 1]));
}
