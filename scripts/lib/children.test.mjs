import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { CommandFailed, run, start, stop } from "./children.mjs";
import { inRoot } from "./places.mjs";

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function until(condition, message) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(message);
}

test("a command that fails is told with its exit code and what it said", async () => {
  await assert.rejects(run("sh", ["-c", "echo out; echo err >&2; exit 7"]), (error) => {
    assert(error instanceof CommandFailed);
    assert.equal(error.exitCode, 7);
    assert.match(error.output, /out/);
    assert.match(error.output, /err/);
    return true;
  });
});

test("a command that is not there is a failure, not a crash", async () => {
  await assert.rejects(run("keyveil-no-such-command"), CommandFailed);
});

test("stopping a child ends what it started too", async () => {
  let grandchild = 0;
  const onLine = (line) => {
    grandchild = Number(line);
  };
  const child = start("sh", ["-c", "sleep 60 & echo $!; wait"], { onLine });
  await until(() => grandchild > 0, "the grandchild began");
  await stop(child);
  await until(() => !alive(grandchild), "the grandchild ended");
});

test("children end when this process is killed", { skip: process.platform !== "linux" && "Linux only" }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "keyveil-children-"));
  const pidFile = join(folder, "pid");
  const module = pathToFileURL(inRoot("scripts/lib/children.mjs")).href;
  const script = `import { start } from ${JSON.stringify(module)}; start("sh", ["-c", "echo $$ > ${pidFile}; exec sleep 60"]);`;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" });
  try {
    let pid = 0;
    const known = async () => {
      pid = Number(await readFile(pidFile, "utf8").catch(() => "0"));
      return pid > 0;
    };
    await until(known, "the child began");
    parent.kill("SIGKILL");
    await until(() => !alive(pid), "the child ended");
  } finally {
    parent.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
});
