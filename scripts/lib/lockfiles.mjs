// What the lockfiles say by themselves: where everything comes from, that its bytes are fixed, under which licence it is, and
// that they belong to the manifests. Needs no network and no tool but cargo.
import { isAllowed } from "./licences.mjs";

const REGISTRY = /^registry\+https:/;
/** npm writes those of other platforms without a digest; `npm ci` installs none of them here. */
const WITHOUT_DIGEST = /^node_modules\/@biomejs\/cli-[a-z0-9-]+$/;
/** Of npm packages besides: none of them is part of what is built but for BlueOak-1.0.0. */
const NPM_LICENCES = ["BlueOak-1.0.0"];
const NPM_LICENCES_OF_TOOLS = ["MPL-2.0"];
/** Said elsewhere than in package.json: in its Readme. */
const NPM_LICENCE_OF = { "combine-errors 3.0.3": "MIT" };

/** `lock`: the text of Cargo.lock; `metadata`: what `cargo metadata` answers. Answers a sentence for each thing that is wrong. */
export function crateProblems(lock, metadata, allowed) {
  const entries = lock.split("[[package]]").slice(1).map(entryOf);
  const foreign = entries.filter((entry) => entry.source);
  const problems = foreign.flatMap(({ name, version, source, checksum }) => [
    ...(REGISTRY.test(source) ? [] : [`crate ${name} ${version} does not come from a registry`]),
    ...(/^[0-9a-f]{64}$/.test(checksum ?? "") ? [] : [`crate ${name} ${version} has no checksum`]),
  ]);
  const registries = new Set(foreign.map(({ source }) => source).filter((source) => REGISTRY.test(source)));
  if (registries.size > 1) problems.push(`crates come from ${registries.size} registries`);
  const own = new Set(metadata.workspace_members);
  for (const { id, name, version, source, license } of metadata.packages) {
    if (!own.has(id) && source === null) problems.push(`crate ${name} ${version} is outside of the workspace`);
    if (!isAllowed(license, allowed)) problems.push(`crate ${name} ${version}: licence ${license} is not allowed`);
  }
  return problems;
}

/** `manifests`: each workspace's package.json by its folder (`""`: the root). */
export function npmProblems(lock, manifests, allowed) {
  const problems = [];
  const forAll = new Set([...allowed, ...NPM_LICENCES]);
  const forTools = new Set([...forAll, ...NPM_LICENCES_OF_TOOLS]);
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path in manifests || entry.link) continue;
    const version = `${path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)} ${entry.version}`;
    const name = `npm package ${version}`;
    const licence = entry.license ?? NPM_LICENCE_OF[version];
    if (!path.includes("node_modules/")) problems.push(`${path} is no workspace`);
    if (!digestIsThere(path, entry)) problems.push(`${name} has no SHA-512`);
    if (entry.resolved && !/^https:\/\/[^/]+\/.*\.tgz$/.test(entry.resolved))
      problems.push(`${name} is from no registry`);
    const licences = entry.dev || entry.devOptional ? forTools : forAll;
    // Those without a digest are here by name alone.
    if (entry.integrity && !isAllowed(licence, licences)) {
      problems.push(`${name}: licence ${licence} is not allowed`);
    }
  }
  for (const [folder, manifest] of Object.entries(manifests)) {
    for (const kind of ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"]) {
      const told = JSON.stringify(sorted(lock.packages[folder]?.[kind]));
      if (told !== JSON.stringify(sorted(manifest[kind]))) {
        problems.push(`package-lock.json and ${folder || "."}/package.json differ in ${kind}`);
      }
    }
  }
  return problems;
}

function digestIsThere(path, entry) {
  return WITHOUT_DIGEST.test(path)
    ? entry.optional === true
    : /^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? "");
}

function entryOf(text) {
  return Object.fromEntries(
    [...text.matchAll(/^(name|version|source|checksum) = "([^"]*)"$/gm)].map(([, k, v]) => [k, v]),
  );
}

function sorted(object = {}) {
  return Object.entries(object).sort(([a], [b]) => a.localeCompare(b));
}
