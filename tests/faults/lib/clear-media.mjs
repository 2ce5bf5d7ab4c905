// Looks for clear media in files: pieces of known clear bytes, and whatever has the form of a clear segment.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SLICE = 64;
/** Fewer different values, and a slice may stand in any file: padding, text, tables. */
const VALUES_MIN = 32;
const TS_PACKET = 188;
const TS_PACKETS_MIN = 8;

/** Known clear bytes, sampled every 64: a clear run of 127 bytes of them holds one whole slice. */
export class ClearMedia {
  #slices = new Map();
  /** By the first 22 bits of a slice: whether it is worth a closer look. */
  #begins = new Uint8Array(1 << 22);
  count = 0;

  add(bytes) {
    for (let at = 0; at + SLICE <= bytes.length; at += SLICE) {
      const slice = bytes.subarray(at, at + SLICE);
      if (new Set(slice).size < VALUES_MIN) continue;
      const begin = slice.readUInt32LE(0);
      this.#begins[begin & 0x3fffff] = 1;
      const others = this.#slices.get(begin);
      if (others === undefined) this.#slices.set(begin, [slice]);
      else others.push(slice);
      this.count++;
    }
    return this;
  }

  /** Where the first known slice stands in `bytes`, or -1. */
  find(bytes) {
    for (let at = 0; at + SLICE <= bytes.length; at++) {
      if (this.#begins[bytes[at] | (bytes[at + 1] << 8) | ((bytes[at + 2] & 0x3f) << 16)] === 0) continue;
      const slices = this.#slices.get(bytes.readUInt32LE(at)) ?? [];
      if (slices.some((slice) => bytes.compare(slice, 0, SLICE, at, at + SLICE) === 0)) return at;
    }
    return -1;
  }
}

/** What a clear segment looks like: a fragment of fMP4, or a run of TS packets. Null for anything else. */
export function clearForm(bytes) {
  for (let at = bytes.indexOf("moof"); at !== -1; at = bytes.indexOf("moof", at + 1)) {
    if (bytes.toString("latin1", at + 8, at + 12) === "mfhd") return `an fMP4 fragment at ${at}`;
  }
  for (let at = bytes.indexOf(0x47); at !== -1; at = bytes.indexOf(0x47, at + 1)) {
    if (at + TS_PACKET * (TS_PACKETS_MIN - 1) >= bytes.length) break;
    let packets = 1;
    while (packets < TS_PACKETS_MIN && bytes[at + packets * TS_PACKET] === 0x47) packets++;
    if (packets === TS_PACKETS_MIN) return `TS packets from ${at}`;
  }
  return null;
}

/** Every place with clear media among the files below `folders` and `files` ([{ name, path }]), and how much was looked at. */
export function searchClear(known, folders, files = []) {
  const found = [];
  let searched = 0;
  for (const { name, path } of [...folders.flatMap(filesBelow), ...files]) {
    const bytes = contents(path);
    if (bytes === null) continue;
    searched++;
    const at = known.find(bytes);
    if (at !== -1) found.push(`${name}: known clear bytes at ${at}`);
    const form = clearForm(bytes);
    if (form !== null) found.push(`${name}: ${form}`);
  }
  return { found, searched };
}

function filesBelow(folder) {
  const entries = unlessGone(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [{ name: path, path }] : [];
  });
}

const contents = (path) => unlessGone(() => readFileSync(path));

/** What was swept or renamed while we walked is seen by the next search, under its other name. */
function unlessGone(read) {
  try {
    return read();
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}
