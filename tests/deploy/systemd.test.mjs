// The units, by systemd's own judgement.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { faultsOf, present, read, said, withFiles } from "./lib/tools.mjs";

const UNITS = ["keyveil.service", "keyveil-worker.service"];
/** Tenths: systemd calls up to 2.0 «OK», and an ordinary service has 9.6. */
const EXPOSURE_MAX = 15;
const none = present("systemd-analyze", "--version") ? false : "systemd-analyze is not here";

/** The unit with programs that this machine has. */
const here = (unit) => read(`deploy/systemd/${unit}`).replace(/^ExecStart=\S+/m, "ExecStart=/bin/true");

function analyzed(unit, text, ...args) {
  return withFiles({ [unit]: text }, (folder) =>
    said("systemd-analyze", [...args, join(folder, unit)], { cwd: folder }),
  );
}

describe("systemd units", { skip: none }, () => {
  for (const unit of UNITS) {
    test(`${unit} is understood, and a broken one is not`, () => {
      const { code, output } = analyzed(unit, here(unit), "verify");
      assert.deepEqual([code, output.trim()], [0, ""]);
      const unknown = analyzed(unit, here(unit).replace("NoNewPrivileges=", "NoNewPriviledges="), "verify");
      assert.match(unknown.output, /NoNewPriviledges/);
      assert.notEqual(analyzed(unit, here(unit).replace(/^ExecStart=.*$/m, ""), "verify").code, 0);
    });

    test(`${unit} leaves little open, and a plain one much`, () => {
      const judge = (text) => analyzed(unit, text, "security", "--offline=true", `--threshold=${EXPOSURE_MAX}`);
      const { code, output } = judge(here(unit));
      assert.equal(code, 0, output);
      assert.notEqual(
        judge(here(unit).replaceAll(/^(Protect|Private|Restrict|SystemCall|Capability).*$/gm, "")).code,
        0,
      );
    });
  }
});

test("what the server's unit sets is what the server takes", () => {
  const unit = read("deploy/systemd/keyveil.service");
  const [, config] = /^Environment=KEYVEIL_CONFIG=(.*)$/m.exec(unit);
  const deployed = read("docs/DEPLOY.md");
  // The file as the instructions have it: the block after its name.
  const [, toml] = new RegExp(`${config}[^\\n]*\\n+\`\`\`toml\\n([^\`]*)\`\`\``).exec(deployed);
  withFiles({ "key-server.toml": toml }, (folder) => {
    const faults = faultsOf({ KEYVEIL_CONFIG: join(folder, "key-server.toml") });
    assert.deepEqual(faults, []);
  });
  const [, credential] = /^LoadCredential=([^:]+):/m.exec(unit);
  assert.match(toml, new RegExp(`root_key_credential = "${credential}"`));
  const files = Number(/^LimitNOFILE=(\d+)$/m.exec(unit)[1]);
  assert.ok(files > 10_000, "above the default of max_connections");
});
