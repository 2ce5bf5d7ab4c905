// What Keyveil is built from: checks with one of three outcomes ("passed", "failed", "not checked"), and bills of material.
import { execFile } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CommandFailed, run, works } from "./children.mjs";
import { allowedLicences } from "./licences.mjs";
import { crateProblems, npmProblems } from "./lockfiles.mjs";
import { inRoot, root, targetDir } from "./places.mjs";
import { Stop } from "./steps.mjs";

const TOOLS = join(targetDir, "tools");
const SBOMS = join(targetDir, "sbom");
const CARGO_TOOLS = { "cargo-deny": "0.20.2", "cargo-cyclonedx": "0.5.9" };
const OUTPUT_BYTES_MAX = 64 << 20;

/** All problems of both lockfiles. */
export async function lockfileProblems() {
  const allowed = await allowedLicences();
  // Fails where Cargo.lock does not belong to the manifests.
  const metadata = JSON.parse(await output("cargo", ["metadata", "--locked", "--format-version", "1"]));
  const text = (path) => readFile(inRoot(path), "utf8");
  const lock = JSON.parse(await text("package-lock.json"));
  const folders = ["", ...JSON.parse(await text("package.json")).workspaces];
  const manifests = {};
  for (const folder of folders) manifests[folder] = JSON.parse(await text(join(folder, "package.json")));
  return [...crateProblems(await text("Cargo.lock"), metadata, allowed), ...npmProblems(lock, manifests, allowed)];
}

/** Installs a cargo tool into target/tools; answers its path. */
export async function cargoTool(name, { wait }) {
  const version = CARGO_TOOLS[name];
  const path = join(TOOLS, "bin", name);
  const subcommand = name.slice("cargo-".length);
  const said = await run(path, [subcommand, "--version"]).catch(() => "");
  if (said.includes(version)) return path;
  wait(`cargo install ${name} ${version}, which takes minutes`);
  await run("cargo", ["install", "--locked", `${name}@${version}`, "--root", TOOLS]).catch((error) => {
    throw new Stop(`${name} ${version} can't be installed.`, { output: error.output });
  });
  return path;
}

/** Runs a check to its end. */
export async function outcome(program, args) {
  try {
    return { result: "passed", output: await run(program, args) };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { result: "failed", output: error.output };
  }
}

/**
 * Runs a check that asks others. `found` tells by its output whether it came to a judgement; one that did not has checked
 * nothing, whatever its exit code.
 */
export async function outcomeOfOthers(program, args, found) {
  const { result, output } = await outcome(program, args);
  return { result: result === "passed" || found(output) ? result : "not checked", output };
}

/** Writes the bill of all npm packages to target/sbom/; answers how many it names. */
export async function writeNpmBill() {
  const bill = await output("npm", ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"]);
  await mkdir(SBOMS, { recursive: true });
  await writeFile(join(SBOMS, "npm.cdx.json"), bill);
  return componentsOf(bill);
}

/** The same of each crate of the workspace; the tool writes beside each Cargo.toml. */
export async function writeCrateBills(cyclonedx) {
  await mkdir(SBOMS, { recursive: true });
  const name = "keyveil.cdx";
  const args = [
    "cyclonedx",
    "--format",
    "json",
    "--spec-version",
    "1.5",
    "--target",
    "all",
    "--override-filename",
    name,
  ];
  await run(cyclonedx, args);
  const bills = {};
  const { packages } = JSON.parse(
    await output("cargo", ["metadata", "--locked", "--no-deps", "--format-version", "1"]),
  );
  for (const { name: crate, manifest_path: manifest } of packages) {
    const folder = join(manifest, "..");
    if (!(await readdir(folder)).includes(`${name}.json`)) continue;
    const place = join(SBOMS, `${crate}.cdx.json`);
    // Copied: target/ may lie on another disk.
    await copyFile(join(folder, `${name}.json`), place);
    await rm(join(folder, `${name}.json`));
    bills[crate] = componentsOf(await readFile(place, "utf8"));
  }
  return bills;
}

/** `npm ci` into nowhere: refuses a lockfile that does not belong to the manifests. */
export async function npmLockIsWhole() {
  return works("npm", ["ci", "--dry-run", "--ignore-scripts", "--no-audit", "--no-fund"]);
}

function componentsOf(bill) {
  return JSON.parse(bill).components.length;
}

async function output(program, args) {
  const { stdout } = await promisify(execFile)(program, args, { cwd: root, maxBuffer: OUTPUT_BYTES_MAX });
  return stdout;
}
