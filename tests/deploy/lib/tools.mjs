// Linters of files that nothing compiles, and what they said.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inRoot, targetDir } from "../../../scripts/lib/places.mjs";
import { pythonTool } from "../../../scripts/lib/python-tools.mjs";

const TIMEOUT_MS = 120_000;

/** A program of the tests' Python environment; a variable names another one's folder. */
export const lintTool = (name) =>
  process.env.KEYVEIL_LINT_TOOLS ? join(process.env.KEYVEIL_LINT_TOOLS, name) : pythonTool(name);

export const python = lintTool("python");
export const keyServer = join(targetDir, "release", "key-server");

export const read = (path) => readFileSync(inRoot(path), "utf8");

/** Runs to the end. `code` is null where there is no such program. */
export function said(command, args, { input, cwd = inRoot("."), env = process.env } = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    input,
    cwd,
    env,
    timeout: TIMEOUT_MS,
    encoding: "utf8",
  });
  return { code: status, stdout: stdout ?? "", output: `${stdout ?? ""}${stderr ?? ""}` };
}

export const present = (command, ...args) => said(command, args).code === 0;

/** Files in a folder that is gone afterwards. */
export function withFiles(files, run) {
  const folder = mkdtempSync(join(targetDir, "deploy-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The documents of a YAML text. */
export function parseYaml(text) {
  const script = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
  const { code, stdout, output } = said(python, ["-c", script], { input: text });
  if (code !== 0) throw new Error(output);
  return JSON.parse(stdout);
}

/** What the server itself says of settings, as `key-server doctor` does: problems and warnings of its configuration. */
export function faultsOf(variables) {
  return withFiles({}, (folder) => {
    const env = { PATH: process.env.PATH, ...variables, KEYVEIL_DATA: folder, KEYVEIL_DATA_DIR: folder };
    // Others are asked nothing: that is not the configuration.
    const asked = said(keyServer, ["doctor", "--json"], { env, cwd: folder });
    const { findings } = JSON.parse(asked.stdout);
    const bad = ({ check, level }) => check === "configuration" && level !== "ok";
    return findings.filter(bad).map(({ what }) => what);
  });
}
