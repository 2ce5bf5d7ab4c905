// URL authentication a second time, on Node's `crypto` alone, sharing no code with the Rust crate.
import { createHash } from "node:crypto";

const md5 = (text) => createHash("md5").update(text).digest("hex");
const directory = (uri) => uri.slice(0, uri.lastIndexOf("/") + 1);
const beijing = (secs) => new Date((secs + 8 * 3600) * 1000).toISOString().replace(/[-T:]/g, "").slice(0, 12);
const hex = (secs) => secs.toString(16);

export const SCHEMES = ["a", "b", "c-path", "c-query", "f", "tencent-d", "tencent-key"];

// The address of `uri`, made at `time` (`tencent-key`: ending then).
export function signed(scheme, key, uri, time, { exper = "", rlimit = "", us = "" } = {}) {
  const at = { a: String, b: beijing, "tencent-d": String }[scheme]?.(time) ?? hex(time);
  const keyFirst = md5(key + uri + at);
  switch (scheme) {
    case "a":
      return `${uri}?auth_key=${at}-0-0-${md5(`${uri}-${at}-0-0-${key}`)}`;
    case "b":
      return `/${at}/${md5(key + at + uri)}${uri}`;
    case "c-path":
      return `/${keyFirst}/${at}${uri}`;
    case "c-query":
      return `${uri}?KEY1=${keyFirst}&KEY2=${at}`;
    case "f":
      return `${uri}?sign=${keyFirst}&time=${at}`;
    case "tencent-d":
      return `${uri}?sign=${keyFirst}&t=${at}`;
    default: {
      const limits = Object.entries({ exper, rlimit, us }).filter(([, value]) => value !== "");
      const query = limits.map(([name, value]) => `&${name}=${value}`).join("");
      return `${uri}?t=${at}${query}&sign=${md5(key + directory(uri) + at + exper + rlimit + us)}`;
    }
  }
}

const FORMS = {
  a: /^(?<uri>[^?]+)\?auth_key=(?<at>\d+)-(?<rand>[^-]*)-(?<uid>[^-]*)-(?<digest>[0-9a-f]{32})$/,
  b: /^\/(?<at>\d{12})\/(?<digest>[0-9a-f]{32})(?<uri>\/.+)$/,
  "c-path": /^\/(?<digest>[0-9a-f]{32})\/(?<at>[0-9A-Fa-f]+)(?<uri>\/.+)$/,
  "c-query": /^(?<uri>[^?]+)\?KEY1=(?<digest>[0-9a-f]{32})&KEY2=(?<at>[0-9A-Fa-f]+)$/,
  f: /^(?<uri>[^?]+)\?sign=(?<digest>[0-9a-f]{32})&time=(?<at>[0-9A-Fa-f]+)$/,
  "tencent-d": /^(?<uri>[^?]+)\?sign=(?<digest>[0-9a-f]{32})&t=(?<at>\d+)$/,
  "tencent-key":
    /^(?<uri>[^?]+)\?t=(?<at>[0-9a-f]+)(?:&exper=(?<exper>\d+))?(?:&rlimit=(?<rlimit>\d))?(?:&us=(?<us>[\w-]+))?&sign=(?<digest>[0-9a-f]{32})$/,
};

// What an address says, if its digest fits.
export function opened(scheme, key, address) {
  const fields = FORMS[scheme].exec(address)?.groups;
  if (!fields) return;
  const { uri, at, rand, uid, exper = "", rlimit = "", us = "", digest } = fields;
  const covered = {
    a: `${uri}-${at}-${rand}-${uid}-${key}`,
    b: key + at + uri,
    "tencent-key": key + directory(uri) + at + exper + rlimit + us,
  };
  if (md5(covered[scheme] ?? key + uri + at) !== digest) return;
  return { uri, at, exper, rlimit, us };
}
