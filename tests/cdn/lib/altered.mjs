// Altered media addresses: every field of every scheme, each in as many ways as are asked for.
import { signed } from "../../vectors/url-auth.mjs";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%!";
const QUERIES = ["a", "c-query", "f", "tencent-d", "tencent-key"];
const other = (text, at, by) => text.slice(0, at) + by + text.slice(at + 1);

/** Numbers that look random and are the same in each run. */
export function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * An endless list of different altered forms of `address` (path and query). `subject`: { scheme, key, uri, time, ttl, others }, where
 * `others` are URIs of other files that exist and that the address does not cover.
 */
export function* altered(address, subject, random) {
  const { scheme, others } = subject;
  const pick = (list) => list[random(list.length)];
  const kinds = [anyByte, digest, time, ...(others.length > 0 ? [path] : []), prefixed];
  if (scheme !== "path-hmac") kinds.push(otherKey, expired, bare);
  if (scheme !== "path-hmac" && scheme !== "tencent-key") kinds.push(future);
  if (QUERIES.includes(scheme)) kinds.push(missing, repeated);
  if (scheme === "a" || scheme === "tencent-key") kinds.push(reordered);
  const seen = new Set([address]);
  for (let count = 0; ; count++) {
    const changed = kinds[count % kinds.length](address, subject, random, pick);
    if (seen.has(changed)) continue;
    seen.add(changed);
    if (!isCovered(changed, address, subject)) yield changed;
  }
}

/** `tencent-key` and `path-hmac` cover a folder: the same signature with another file of it is no altered one. */
function isCovered(changed, address, { scheme, uri }) {
  if (scheme !== "tencent-key" && scheme !== "path-hmac") return false;
  const end = scheme === "tencent-key" ? uri.lastIndexOf("/") + 1 : address.split("/", 4).join("/").length + 1;
  const [path, query] = [changed.split("?")[0], changed.split("?")[1]];
  return path.slice(0, end) === address.slice(0, end) && query === address.split("?")[1];
}

function anyByte(address, _, random) {
  const at = 1 + random(address.length - 1);
  const by = ALPHABET[random(ALPHABET.length)];
  return [other(address, at, by), other(address, at, ""), address.slice(0, at) + by + address.slice(at)][random(3)];
}

/** The digest, or the MAC of a url token. */
function digest(address, { scheme }, random) {
  const token = scheme === "path-hmac" ? /-([\w-]{43})/ : /([0-9a-f]{32})/;
  const found = token.exec(address);
  const at = found.index + (scheme === "path-hmac" ? 1 : 0) + random(32);
  return other(address, at, "0123456789abcdef"[random(16)]);
}

function time(address, { scheme }, random) {
  const where = {
    a: /auth_key=(\d+)/,
    b: /^\/(\d{12})/,
    "c-path": /\/[0-9a-f]{32}\/([0-9a-f]+)/,
    "c-query": /KEY2=([0-9a-f]+)/,
    f: /time=([0-9a-f]+)/,
    "tencent-d": /&t=(\d+)/,
    "tencent-key": /\?t=([0-9a-f]+)/,
    "path-hmac": /^\/media\/([0-9a-f]+)/,
  }[scheme];
  const { 0: all, 1: number, index } = where.exec(address);
  const at = index + all.length - number.length + random(number.length);
  return other(address, at, "0123456789"[random(10)]);
}

/** The signature of one file before the path of another. */
function path(address, { uri, scheme, others }, _, pick) {
  return scheme === "path-hmac"
    ? address.replace(uri.slice(3), pick(others).slice(3))
    : address.replace(uri, pick(others));
}

/** Forms that mean the same path to who decodes or tidies it. */
function prefixed(address, { uri }, random) {
  const inner = uri.slice(2);
  const forms = [
    `/.${inner}`,
    `/x/..${inner}`,
    `/${inner}`,
    `/%2e${inner}`,
    `/%66ilm${inner}`,
    `${inner}/`,
    `${inner}%00`,
  ];
  return address.replace(inner, forms[random(forms.length)]);
}

function otherKey(_, { scheme, key, uri, time }, random) {
  return signed(scheme, other(key, random(key.length), "!"), uri, time);
}

/** Made with the right key, and over. */
function expired(_, { scheme, key, uri, time, ttl }, random) {
  const over = scheme === "tencent-key" ? time - 2 * ttl : time - ttl;
  return signed(scheme, key, uri, over - 60 - random(1e6));
}

/** Made with the right key by a clock that goes wrong. */
function future(_, { scheme, key, uri, time }, random) {
  return signed(scheme, key, uri, time + 300 + random(1e6));
}

const bare = (_, { uri }, random) => [uri, `${uri}?`, `${uri}?auth_key=`, `${uri}?sign=&t=0`][random(4)];

function missing(address, _, random) {
  const [path, query] = address.split("?");
  const parts = query.split("&");
  parts.splice(random(parts.length), 1);
  if (parts.length > 0) return `${path}?${parts.join("&")}`;
  const words = query.split("-");
  words.splice(random(words.length), 1);
  return `${path}?${words.join("-")}`;
}

function repeated(address, _, random, pick) {
  const [path, query] = address.split("?");
  const again = pick(query.split("&"));
  return random(2) === 0 ? `${address}&${again}` : `${path}?${again}&${query}`;
}

function reordered(address, { scheme }, random) {
  const [path, query] = address.split("?");
  const by = scheme === "a" ? "-" : "&";
  const parts = query.split(by);
  const [from, to] = [random(parts.length), random(parts.length)];
  [parts[from], parts[to]] = [parts[to], parts[from]];
  return `${path}?${parts.join(by)}`;
}
