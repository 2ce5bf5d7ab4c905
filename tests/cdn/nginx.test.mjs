// The key server behind a real nginx with the configuration of docs/NGINX.md: for each scheme of URL authentication, a title
// plays through it, segments come from its cache, and altered addresses open nothing, cached or not.
import assert from "node:assert/strict";
import { createDecipheriv, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, posix } from "node:path";
import { after, before, describe, test } from "node:test";
import { ensureSystem, NGINX } from "../../scripts/lib/system.mjs";
import { makeClip } from "../e2e/lib/clips.mjs";
import { Api } from "../faults/lib/http.mjs";
import { Stack } from "../faults/lib/stack.mjs";
import { Upload } from "../faults/lib/tus.mjs";
import { until } from "../faults/lib/wait.mjs";
import { claimByHand } from "../faults/lib/worker.mjs";
import { SETTINGS } from "../faults/lib/workflow.mjs";
import { SCHEMES, signed } from "../vectors/url-auth.mjs";
import { altered, numbers } from "./lib/altered.mjs";
import { Nginx } from "./lib/nginx.mjs";

const ALTERED = 20_000;
const CONTROL_EVERY = 50;
const AT_ONCE = 32;
const TTL = 3600;
const KEY = "cdnKey0123456789abcd";
const TITLES = ["film", "film2"];
const STANDARD = "show";
const ALL_SCHEMES = ["path-hmac", ...SCHEMES];
const REFUSED = [400, 403, 404];

let stack;
let nginx;
let buildId;
let refused = 0;

before(async () => {
  await ensureSystem([NGINX], { wait: () => null });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const settings = { KEYVEIL_HTTP_TRUSTED_PROXIES: "127.0.0.1", KEYVEIL_HTTP_PUBLIC_URL: url };
  stack = await Stack.start({ settings });
  const folder = join(stack.folder, "nginx");
  mkdirSync(folder);
  nginx = await Nginx.start(folder, port, [`127.0.0.1:${stack.port}`]);
  const clip = makeClip(stack.folder, "mp4", { secs: 12, size: "320x180" });
  const options = [
    "--out",
    join(stack.data, "media"),
    "--segment-secs",
    "2",
    "--ladder",
    "copy",
    "--api-key",
    stack.apiKey,
  ];
  for (const fileId of [...TITLES, STANDARD]) {
    const mode = fileId === STANDARD ? "standard" : "private";
    await stack.packager(["pack", clip, ...options, "--server", stack.url, "--file-id", fileId, "--mode", mode]);
  }
  [buildId] = (await stack.keyServer("build", "list")).trim().split(/\s+/);
  for (const scheme of ALL_SCHEMES) {
    const key = scheme === "path-hmac" ? {} : { key: KEY };
    await stack.api.post("/v1/media-origins", { originId: scheme, baseUrl: url, scheme, ttlSecs: TTL, ...key });
  }
});

after(async () => {
  await nginx?.stop();
  await stack?.stop();
});

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Where a player is sent: path and query at nginx. */
async function playlistOf(fileId) {
  const { psign } = await stack.api.post("/v1/player-signatures", { fileId });
  const publicKey = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" }).x;
  const body = { psign, publicKey, buildId };
  const { playlistUrl } = await stack.api.post("/v1/play", body);
  const url = new URL(playlistUrl);
  assert.equal(url.origin, nginx.url);
  return url.pathname + url.search;
}

/** Makes a scheme the one that playback gets, and waits until it is. */
async function useScheme(scheme) {
  await stack.api.call("PATCH", `/v1/media-origins/${scheme}`, { isDefault: true });
  const forms = {
    "path-hmac": /^\/media\//,
    a: /\?auth_key=/,
    b: /^\/\d{12}\//,
    "c-path": /^\/[0-9a-f]{32}\//,
    "c-query": /\?KEY1=/,
    f: /&time=/,
    "tencent-d": /\?sign=.*&t=/,
    "tencent-key": /\?t=.*&sign=/,
  };
  await until(`addresses of ${scheme}`, async () => forms[scheme].test(await playlistOf(TITLES[0])));
}

/** The addresses that a playlist names, whole or relative to it. */
function named(playlist, address) {
  const uris = playlist.split("\n").flatMap((line) => {
    if (line.startsWith("#")) return [...line.matchAll(/^#EXT-X-(?:MEDIA|MAP):.*URI="([^"]+)"/g)].map(([, uri]) => uri);
    return line === "" ? [] : [line];
  });
  return uris.map((uri) => {
    const url = new URL(uri, nginx.url + address);
    assert.equal(url.origin, nginx.url);
    return url.pathname + url.search;
  });
}

/** A file of the title as it lies on the disk, by its address. */
function stored(address) {
  const path = address.split("?")[0];
  const [, fileId, file] = /\/(film2?|show)\/(.+)$/.exec(path);
  return readFileSync(join(stack.mediaFolder(fileId, 1), ...posix.normalize(file).split("/")));
}

/** Reads a title's playlists: { playlists, files }, the addresses of everything. */
async function addressesOf(master) {
  const [playlists, files] = [[master], []];
  for (const address of playlists) {
    const answer = await nginx.get(address);
    assert.equal(answer.status, 200, `${address}: ${answer.text()}`);
    assert.equal(answer.headers["x-cache-status"], "BYPASS", address);
    for (const next of named(answer.text(), address)) (/\.m3u8(\?|$)/.test(next) ? playlists : files).push(next);
  }
  assert.ok(playlists.length >= 2 && files.length >= 6, `${playlists.length} playlists, ${files.length} files`);
  return { playlists, files };
}

/** Plays a title: every playlist, every file. Answers their addresses, and the cache's states of the files. */
async function play(master) {
  const { playlists, files } = await addressesOf(master);
  const states = [];
  for (const address of files) {
    const answer = await nginx.get(address);
    assert.equal(answer.status, 200, address);
    assert.ok(answer.bytes.equals(stored(address)), address);
    states.push(answer.headers["x-cache-status"]);
  }
  return { playlists, files, states };
}

const uriOf = (address) => `/v/${/\/(film2?\/.+?)(\?|$)/.exec(address)[1]}`;

/** What `altered` has to know of an address. Where a folder is covered, its own files are no others. */
function subjectOf(scheme, address, files) {
  const uri = uriOf(address);
  const [ofTitle, folder] = [uri.split("/")[2], posix.dirname(uri)];
  const uris = [...new Set(files.map(uriOf))].filter((file) => file !== uri);
  const others = uris.filter((file) => scheme !== "tencent-key" || posix.dirname(file) !== folder);
  const foreign = uri.replace(`/${ofTitle}/`, `/${TITLES.find((title) => title !== ofTitle)}/`);
  const time = Math.floor(Date.now() / 1000);
  return { scheme, key: KEY, uri, time, ttl: TTL, others: scheme === "path-hmac" ? [foreign] : [...others, foreign] };
}

/** The control of what is made with the right key and a wrong time. */
async function assertMadeHereHolds(scheme, uri) {
  if (scheme === "path-hmac") return;
  const now = Math.floor(Date.now() / 1000);
  assert.equal((await nginx.get(signed(scheme, KEY, uri, scheme === "tencent-key" ? now + TTL : now))).status, 200);
}

describe("behind nginx", { concurrency: 1 }, () => {
  test("nobody asks through nginx whether an address holds", async () => {
    const master = await playlistOf(TITLES[0]);
    assert.equal((await nginx.get(master)).status, 200);
    for (const path of ["/_url_auth", "/v1/url-auth", "/readyz"]) {
      assert.equal((await nginx.get(path, { headers: { "X-Original-URI": master } })).status, 404, path);
    }
  });

  for (const [number, scheme] of ALL_SCHEMES.entries()) {
    test(`${scheme}: a title plays, from the cache the second time`, async () => {
      await useScheme(scheme);
      const [first, second] = [await play(await playlistOf(TITLES[0])), await play(await playlistOf(TITLES[0]))];
      // The cache knows nothing of schemes: whoever came first has filled it.
      const expected = number === 0 ? "MISS" : "HIT";
      assert.deepEqual([...new Set(first.states)], [expected]);
      assert.deepEqual([...new Set(second.states)], ["HIT"]);
      const part = await nginx.get(second.files[1], { headers: { Range: "bytes=100-199" } });
      assert.deepEqual([part.status, part.headers["x-cache-status"]], [206, "HIT"]);
      assert.ok(part.bytes.equals(stored(second.files[1]).subarray(100, 200)));
    });

    test(`${scheme}: altered addresses open nothing`, async () => {
      await useScheme(scheme);
      const [cached, other] = [await play(await playlistOf(TITLES[0])), await addressesOf(await playlistOf(TITLES[1]))];
      const segment = cached.files.at(-1);
      // One that lies in the cache, one that never was asked for, and a playlist.
      const attacked = [segment, other.files.at(-1), cached.playlists[0]];
      const random = numbers(number + 1);
      const lists = attacked.map((address) => altered(address, subjectOf(scheme, address, cached.files), random));
      for (const address of attacked.filter((_, at) => at !== 1)) assert.equal((await nginx.get(address)).status, 200);
      await assertMadeHereHolds(scheme, uriOf(segment));
      let asked = 0;
      const ask = async () => {
        while (asked < ALTERED / ALL_SCHEMES.length) {
          const at = asked++ % lists.length;
          const { value: address } = lists[at].next();
          const { status } = await nginx.get(address);
          assert.ok(REFUSED.includes(status), `${status}: ${address}\nwas: ${attacked[at]}`);
          if (asked % CONTROL_EVERY !== 0) continue;
          const control = await nginx.get(segment);
          assert.deepEqual([control.status, control.headers["x-cache-status"]], [200, "HIT"], "the control");
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, ask));
      refused += asked;
    });
  }

  test(`${ALTERED} altered addresses were refused`, () => assert.ok(refused >= ALTERED, `${refused}`));

  test("an unpublished title ends at once, also in the cache", async () => {
    const { files, states } = await play(await playlistOf(TITLES[1]));
    assert.deepEqual([...new Set(states)], ["MISS"], "no altered address has put anything into the cache");
    assert.equal((await nginx.get(files[0])).headers["x-cache-status"], "HIT");
    await stack.api.post(`/v1/titles/${TITLES[1]}/unpublish`);
    for (const file of files) assert.equal((await nginx.get(file)).status, 404, file);
    await stack.api.post(`/v1/titles/${TITLES[1]}/publish`);
    assert.equal((await nginx.get(files[0])).status, 200);
  });

  test("a limit of client addresses holds in the cache, too", async () => {
    const { files } = await play(await playlistOf(TITLES[0]));
    const ending = Math.floor(Date.now() / 1000) + TTL;
    const address = signed("tencent-key", KEY, uriOf(files[0]), ending, { rlimit: 2, us: "viewer1" });
    const from = async (client) => (await nginx.get(address, { headers: { "X-Forwarded-For": client } })).status;
    const statuses = [];
    for (const client of ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"]) statuses.push(await from(client));
    assert.deepEqual(statuses, [200, 200, 403, 200]);
  });

  test("a standard title plays from the cache, and its keys are asked for each time", async () => {
    const { psign } = await stack.api.post("/v1/player-signatures", { fileId: STANDARD });
    const master = `/v1/hls/${STANDARD}.m3u8?MtsHlsUriToken=${psign}`;
    for (const expected of ["MISS", "HIT"]) {
      const { playlists, files } = await addressesOf(master);
      const text = (await nginx.get(playlists[1])).text();
      const [, key, iv] = /#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)",IV=0x([0-9a-f]{32})/.exec(text);
      const answer = await nginx.get(new URL(key).pathname + new URL(key).search);
      assert.deepEqual([answer.status, answer.bytes.length, answer.headers["x-cache-status"]], [200, 16, "BYPASS"]);
      const segment = files.find((address) => text.includes(address) && !address.includes("init."));
      const media = await nginx.get(segment);
      assert.deepEqual([media.status, media.headers["x-cache-status"]], [200, expected]);
      // Padding fits: this is the segment's key.
      const decipher = createDecipheriv("aes-128-cbc", answer.bytes, Buffer.from(iv, "hex"));
      assert.ok(Buffer.concat([decipher.update(media.bytes), decipher.final()]).length > 0);
    }
  });

  test("an upload goes on behind it, and a worker reads parts of its source", async () => {
    const behind = { url: nginx.url };
    const { workflowId } = await stack.api.post("/v1/workflows", { name: "behind", settings: SETTINGS });
    const metadata = { filename: "clip.mp4", name: "Behind", workflowId };
    const upload = await Upload.create(new Api(nginx.url, stack.apiKey), randomBytes(2000), metadata);
    assert.equal((await upload.patch(0, 1000)).status, 204);
    assert.equal(await upload.offset(), 1000);
    await upload.finish();
    const job = await claimByHand(behind, stack.workerKey);
    const part = await job.source();
    assert.deepEqual([part.status, part.bytes.length, part.headers["content-range"]], [206, 10, "bytes 0-9/2000"]);
    await job.fail();
  });

  test("a refusal is in the key server's words, and a page of another origin may read it", async () => {
    await useScheme("path-hmac");
    const { files } = await play(await playlistOf(TITLES[0]));
    const [, , token] = files[0].split("/");
    const headers = { Origin: nginx.url };
    const answer = await nginx.get(files[0].replace(token, `f${token.slice(1)}`), { headers });
    assert.deepEqual([answer.status, JSON.parse(answer.text()).error.code], [403, "url_invalid"]);
    assert.equal(answer.headers["access-control-allow-origin"], nginx.url);
    assert.equal((await nginx.get(files[0], { headers })).status, 200, "the control");
  });

  test("keys and the API are never cached", async () => {
    for (const path of ["/v1/server-keys", "/healthz"]) {
      for (let times = 0; times < 2; times++) {
        const answer = await nginx.get(path);
        assert.deepEqual([answer.status, answer.headers["x-cache-status"]], [200, "BYPASS"], path);
      }
    }
  });
});
