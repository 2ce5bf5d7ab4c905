// Everything that crosses the network while a title plays: bodies, headers and socket frames of the page and of its workers.
import { findSecrets, formsOf } from "../e2e/lib/search.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { LEAKS, serveLeaks } from "./lib/leaky-site.mjs";
import { secretsOfExchanges } from "./lib/secrets.mjs";
import { openTapped, playTapped } from "./lib/tapped-page.mjs";

const PLAY = { secs: 9.5, rate: 3, seekTo: 20 };
const WANTED = [/\/v1\/play$/, /\/v1\/keys$/, /\.m3u8$/, /\.m4s$/, /\.wasm$/, /worker[^/]*\.js$/, /^headers of/];

async function capture(devtools, url, play = (page) => playTapped(page, PLAY)) {
  const page = await openTapped(devtools);
  await page.goto(url);
  await play(page);
  page.check();
  const taken = { contents: await page.network.all(), exchanges: await page.network.exchanges() };
  await page.close();
  return taken;
}

/** The same capture of pages that leak: plain hls.js on a standard title, and one that leaks by every way that there is. */
async function control(devtools, target) {
  const { standard, keys } = target;
  const plain = await capture(devtools, await standard.page(), (page) => playTapped(page, { secs: 3, rate: 2 }));
  const found = findSecrets(standard.secrets, plain.contents);
  expect(
    found.filter(({ form, where }) => form === "raw" && where.includes("/v1/hls-keys/")),
    "the key in the body of a plain player's key request",
  ).not.toEqual([]);
  const secret = { name: "period key", hex: keys.periodKeys[0].key };
  const site = await serveLeaks(secret.hex);
  const leaked = await capture(devtools, site.page, (page) => page.until("window.isDone"));
  await site.close();
  const leaks = findSecrets([secret], leaked.contents);
  for (const from of ["page", "worker"])
    for (const leak of LEAKS)
      expect(
        leaked.contents
          .filter(({ name }) => name.includes(leak))
          .filter(({ name }) => !/^(request|socket)/.test(name) || name.includes(` of ${from}`))
          .some(({ name, body }) => findSecrets([secret], [{ name, body }]).length > 0),
        `${leak} of the ${from}`,
      ).toBe(true);
  return new Set([...found, ...leaks].map(({ where }) => where)).size;
}

test("no body, header or socket frame has a secret of the player", async ({ devtools, target }) => {
  const caught = await control(devtools, target);
  for (const level of ["sealed", "guarded"]) {
    const { contents, exchanges } = await capture(devtools, target.playerUrl(level));
    expect(exchanges.map(({ path }) => path)).toEqual(expect.arrayContaining(["/v1/play", "/v1/keys"]));
    for (const wanted of WANTED)
      expect(contents.filter(({ name }) => wanted.test(name)).length, `${wanted} was captured`).toBeGreaterThan(0);
    const secrets = [...target.secrets, ...secretsOfExchanges(target.keys, exchanges)];
    const found = findSecrets(secrets, contents);
    const megabytes = (contents.reduce((sum, { body }) => sum + body.length, 0) / 1e6).toFixed(1);
    record({
      attack: `all bodies, headers and sockets of page and workers, ${level}`,
      player: found.length,
      control: caught,
      figure: `${contents.length} contents of ${megabytes} MB; ${secrets.length} secrets in ${formsOf(secrets[0].hex).length} forms each`,
    });
    expect(found).toEqual([]);
  }
});
