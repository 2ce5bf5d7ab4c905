// Stacks whose media and sources lie in a bucket of moto's, and titles of theirs as players get them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { checkSegments } from "../../faults/lib/finished.mjs";
import { Stack } from "../../faults/lib/stack.mjs";
import { x25519 } from "../../vectors/independent.mjs";

/** Seconds of the clips that these tests upload. */
export const SECS = 4;

/** A stack over a new bucket, for as long as `run(stack)` takes; `folder` is the test's own. `more`: other settings of the server. */
export async function withStack({ moto, folder }, bucket, reads, run, more = {}) {
  const settings = await moto.makeBucket(bucket, reads);
  for (const page of ["www/index.html", "sdk/worker.js"]) {
    mkdirSync(join(folder, dirname(page)), { recursive: true });
    writeFileSync(join(folder, page), "");
  }
  const pages = { KEYVEIL_PAGES_WWW_DIR: join(folder, "www"), KEYVEIL_PAGES_SDK_DIRS: join(folder, "sdk") };
  const stack = await Stack.start({ settings: { ...settings, ...pages, ...more } });
  try {
    await run(stack);
    assert.ok(!stack.log.includes(settings.AWS_SECRET_ACCESS_KEY), "the log holds no credentials");
    assert.ok(!stack.log.includes("X-Amz-Signature"), "the log holds no presigned address");
  } finally {
    await stack.stop();
  }
}

/** Opens playback as a player does, and answers where its playlists are. */
export async function play(stack, fileId) {
  const { psign } = await stack.api.post("/v1/player-signatures", { fileId });
  const publicKey = x25519(randomBytes(32)).publicBytes.toString("base64url");
  const [buildId] = (await stack.keyServer("build", "list")).split(" ");
  const answer = await stack.api.ask("POST", "/v1/play", { psign, publicKey, buildId });
  assert.equal(answer.status, 200, `${answer.bytes}\n${stack.log}`);
  assert.ok(answer.json().grant, "the first keys");
  return answer.json().playlistUrl;
}

/** Everything that a master playlist leads to, as a player loads it. Answers the answers by path. */
export async function loadAll(playlistUrl) {
  const base = playlistUrl.slice(0, -"master.m3u8".length);
  const [loaded, waiting] = [new Map(), ["master.m3u8"]];
  while (waiting.length > 0) {
    const path = waiting.pop();
    if (loaded.has(path)) continue;
    const answer = await fetch(base + path, { redirect: "manual" });
    const location = answer.headers.get("location");
    const content = location ? await fetch(location) : answer;
    assert.equal(content.status, 200, path);
    const bytes = Buffer.from(await content.arrayBuffer());
    loaded.set(path, { answer, content, bytes, location });
    if (path.endsWith(".m3u8")) {
      const named = bytes.toString().matchAll(/^[^#\n].*|^#EXT-X-(?:MAP|MEDIA):.*URI="([^"]+)"/gm);
      for (const [line, uri] of named) waiting.push(posix.join(posix.dirname(path), uri ?? line));
    }
  }
  return loaded;
}

/** Every segment that was loaded decrypts, and every frame is there. Puts them into `folder`. */
export function checkLoaded(folder, stack, title, loaded) {
  const into = join(folder, `${title.fileId}.${title.version}.${randomBytes(4).toString("hex")}`);
  for (const [path, { bytes }] of loaded) {
    mkdirSync(join(into, dirname(path)), { recursive: true });
    writeFileSync(join(into, path), bytes);
  }
  checkSegments({ data: stack.data, mediaFolder: () => into }, title, { secs: SECS });
}
