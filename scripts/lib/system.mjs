// System packages: found, or installed with apt-get when we may, or named exactly.
import { existsSync, readdirSync } from "node:fs";
import { run, works } from "./children.mjs";
import { exists } from "./fingerprint.mjs";
import { Stop } from "./steps.mjs";

/**
 * Makes sure of `tools`: `[{ name, package, check }]`, where `check` answers whether the tool works.
 * Answers what was installed.
 */
export async function ensureSystem(tools, { wait }) {
  const missing = await without(tools);
  if (missing.length === 0) return [];
  const packages = [...new Set(missing.map((tool) => tool.package))];
  const asRoot = await rootPrefix();
  if (asRoot === null || !(await works("apt-get"))) throw missingTools(missing, packages);
  wait(`apt-get install ${packages.join(" ")}`);
  await aptInstall(asRoot, packages, wait);
  const still = await without(tools);
  if (still.length > 0) throw missingTools(still, packages);
  return packages;
}

/** ffmpeg with the encoder that packaging needs; the packager says the rest. */
export const FFMPEG = [
  { name: "ffmpeg", package: "ffmpeg", check: () => works("ffmpeg", ["-version"]) },
  { name: "ffprobe", package: "ffmpeg", check: () => works("ffprobe", ["-version"]) },
];

/** Where Debian and Ubuntu put the library; a variable may name another place. */
export const SOFTHSM2_MODULE = process.env.KEYVEIL_SOFTHSM2 || "/usr/lib/softhsm/libsofthsm2.so";

/** The hardware module of the KMS tests, and the tool that makes its tokens. */
export const SOFTHSM2 = [
  { name: "SoftHSM2", package: "softhsm2", check: () => exists(SOFTHSM2_MODULE) },
  { name: "softhsm2-util", package: "softhsm2", check: () => works("softhsm2-util", ["--version"]) },
];

const POSTGRES_VERSIONS = "/usr/lib/postgresql";

/** Outside of a user's path on Debian. */
export const nginxBinary = "/usr/sbin/nginx";
/** The CDN of the tests. */
export const NGINX = { name: "nginx", package: "nginx", check: () => works(nginxBinary, ["-v"]) };

/** Debian and Ubuntu have a folder for each version, outside of a user's path. Answers the newest one's, or null. */
export function postgresFolder() {
  const versions = existsSync(POSTGRES_VERSIONS) ? readdirSync(POSTGRES_VERSIONS) : [];
  const newest = versions
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => `${POSTGRES_VERSIONS}/${version}/bin`);
  return newest.find((folder) => existsSync(`${folder}/postgres`)) ?? null;
}
/** The database of the cluster tests. Its package starts a server of its own as a service, which the tests leave alone. */
export const POSTGRES = { name: "PostgreSQL", package: "postgresql", check: async () => postgresFolder() !== null };

/** Where Debian and Ubuntu put the library that shows a process another time of day. */
export const FAKETIME_LIBRARY = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/faketime/libfaketime.so.1`;
/** Clocks that jump, for the cluster tests. */
export const FAKETIME = { name: "libfaketime", package: "faketime", check: () => exists(FAKETIME_LIBRARY) };

/** What clusters are made of, and hit with. */
export const CLUSTER = [POSTGRES, NGINX, FAKETIME];

/** Counts instructions, for the benchmarks alone. */
export const VALGRIND = { name: "valgrind", package: "valgrind", check: () => works("valgrind", ["--version"]) };

async function without(tools) {
  const found = await Promise.all(tools.map((tool) => tool.check()));
  return tools.filter((_, index) => !found[index]);
}

async function aptInstall(asRoot, packages, wait) {
  const apt = (args) => {
    const [command, ...rest] = [...asRoot, "apt-get", "-y", "--no-install-recommends", ...args];
    return run(command, rest, { env: { DEBIAN_FRONTEND: "noninteractive" }, terminal: asRoot[0] === "sudo" });
  };
  try {
    await apt(["install", ...packages]);
  } catch {
    // The package lists of a fresh machine are often empty or old.
    wait("apt-get update");
    await apt(["update"]).catch(() => null);
    wait(`apt-get install ${packages.join(" ")}`);
    await apt(["install", ...packages]).catch((error) => {
      throw new Stop(`apt-get could not install ${packages.join(" ")}.`, { output: error.output });
    });
  }
}

async function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  const sudo = process.stdin.isTTY ? ["sudo"] : ["sudo", "-n"];
  return (await works(sudo[0], [...sudo.slice(1), "true"])) ? sudo : null;
}

function missingTools(missing, packages) {
  const names = missing.map((tool) => tool.name).join(", ");
  return new Stop(
    `Missing: ${names}. Install it and try again; on Debian and Ubuntu: apt-get install ${packages.join(" ")}`,
  );
}
