// `npm run build`: a release build of everything that does not belong to one installation: the `packager` and `key-server`
// binaries in target/release, the SDK in player-wasm/dist, the pages in www/dist. What is unchanged is not built again. The
// wasm module carries an installation's own secret, so `npm start` builds that one.
import { buildPages, buildSdk, buildServers } from "./lib/builds.mjs";
import { command } from "./lib/command.mjs";
import { ensureNpmPackages } from "./lib/npm.mjs";
import { ensureRust } from "./lib/rust.mjs";
import { Steps } from "./lib/steps.mjs";

await command(async () => {
  const steps = new Steps(5);
  await steps.step("Rust and its WebAssembly target", ensureRust);
  await steps.step("npm packages", ensureNpmPackages);
  await steps.step("packager and key-server", buildServers);
  await steps.step("player SDK", buildSdk);
  await steps.step("pages", buildPages);
});
