// `npm run build [-- --data DIR]`: a release build of everything: the `packager` and `key-server` binaries in target/release,
// the SDK in player-wasm/dist, the pages in www/dist. With --data also the installation in that data folder, as
// `key-server init` makes it, and the player's files of its SDK build in DIR/sdk. What is unchanged is not built again.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildPages, buildSdk, buildServers } from "./lib/builds.mjs";
import { command } from "./lib/command.mjs";
import { Installation } from "./lib/installation.mjs";
import { ensureNpmPackages } from "./lib/npm.mjs";
import { ensureRust } from "./lib/rust.mjs";
import { Steps, Stop } from "./lib/steps.mjs";

await command(async () => {
  const data = dataArgument();
  const steps = new Steps(data ? 6 : 5);
  await steps.step("Rust and its WebAssembly target", ensureRust);
  await steps.step("npm packages", ensureNpmPackages);
  await steps.step("packager and key-server", buildServers);
  await steps.step("player SDK", buildSdk);
  await steps.step("pages", buildPages);
  if (!data) return;
  await steps.step(`installation in ${data}`, async () => {
    const installation = new Installation(data);
    await installation.init();
    return `player files ${await installation.writeSdk()}`;
  });
});

function dataArgument() {
  try {
    const { values } = parseArgs({ options: { data: { type: "string" } } });
    return values.data && resolve(process.env.INIT_CWD ?? process.cwd(), values.data);
  } catch (error) {
    throw new Stop(`${error.message}. Use: npm run build [-- --data DIR]`);
  }
}
