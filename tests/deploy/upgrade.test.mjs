// deploy/upgrade.sh before a stand-in for docker, which writes down what it is told and what nginx would read at that moment.
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inRoot } from "../../scripts/lib/places.mjs";
import { said, withFiles } from "./lib/tools.mjs";

const DOCKER = `#!/bin/sh
while [ "$1" != .env ]; do shift; done
shift
down=$(sed -n 's/^server \\([a-z0-9-]*\\):8080 down;/\\1/p' nginx/servers.conf)
echo "$* | down: $down" >> "$LOG"
case "$*" in *"--wait $FAILS") exit 1;; esac
`;

function upgrade(fails = "nothing") {
  return withFiles({ "bin/docker": DOCKER }, (folder) => {
    chmodSync(join(folder, "bin/docker"), 0o755);
    mkdirSync(join(folder, "deploy"));
    for (const name of ["upgrade.sh", "nginx"])
      cpSync(inRoot("deploy", name), join(folder, "deploy", name), { recursive: true });
    const log = join(folder, "log");
    writeFileSync(log, "");
    const env = {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      LOG: log,
      FAILS: fails,
      KEYVEIL_UPGRADE_PAUSE_SECS: "0",
    };
    const { code, output } = said(join(folder, "deploy/upgrade.sh"), [], { env, cwd: folder });
    const steps = readFileSync(log, "utf8").trim().split("\n");
    return { code, output, steps, servers: readFileSync(join(folder, "deploy/nginx/servers.conf"), "utf8") };
  });
}

test("each server is out of nginx while it is stopped, and the other is not", () => {
  const { code, output, steps, servers } = upgrade();
  assert.equal(code, 0, output);
  const at = (part) => steps.findIndex((step) => step.startsWith(part));
  assert.ok(at("run --rm --no-deps prepare") < at("up -d --no-deps --wait server-1"), "migrated before");
  assert.ok(at("up -d --no-deps --wait server-1") < at("up -d --no-deps --wait server-2"));
  assert.ok(at("up -d --no-deps --wait server-2") < at("up -d --no-deps worker"), "workers come last");
  for (const server of ["server-1", "server-2"]) {
    const stopped = at(`up -d --no-deps --wait ${server}`);
    assert.ok(steps[stopped].endsWith(`| down: ${server}`), steps[stopped]);
    assert.equal(steps[stopped - 1], `exec -T nginx nginx -s reload | down: ${server}`, "nginx knew it");
    assert.equal(steps[stopped + 2], "exec -T nginx nginx -s reload | down: ");
  }
  assert.equal(servers, readFileSync(inRoot("deploy/nginx/servers.conf"), "utf8"), "in the end all is as it was");
});

test("a server that does not become ready stays out, and the other is left alone", () => {
  const { code, steps, servers } = upgrade("server-1");
  assert.notEqual(code, 0);
  assert.ok(steps.at(-1).startsWith("up -d --no-deps --wait server-1"));
  assert.match(servers, /server-1:8080 down;\nserver server-2:8080 max_fails/);
});
