// What a script on the page reaches from the player's element and from hls.js: every property, accessor and private-looking field of every object,
// and what all of hls.js' events carry.
import { findSecrets } from "../e2e/lib/search.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { OBJECT_WALK, TAKE_HLS } from "./lib/object-walk.mjs";
import { secretsOfExchanges } from "./lib/secrets.mjs";
import { playThrough, watchExchanges } from "./lib/watched-page.mjs";

/** Playback, and then all that is found: [{ name: path, body }]. */
async function walked(context, url, options) {
  const exchanges = watchExchanges(context);
  const page = await context.newPage();
  await page.addInitScript({ content: TAKE_HLS + OBJECT_WALK });
  await page.goto(url);
  await playThrough(page, options);
  const found = await page.evaluate(() => {
    const { takenHls, hlsEvents, walkObjects } = globalThis;
    const objects = walkObjects({
      element: document.querySelector("keyveil-player"),
      hls: takenHls,
      hlsOnPage: globalThis.hls,
    });
    const events = walkObjects(hlsEvents, 6, 4096);
    return {
      contents: [...objects.contents, ...events.contents],
      objects: objects.objects,
      hls: takenHls !== undefined,
      events: globalThis.hlsEventCount(),
    };
  });
  await page.close();
  const contents = found.contents.map(({ path, base64 }) => ({ name: path, body: Buffer.from(base64, "base64") }));
  return { ...found, contents, exchanges };
}

test("no object of the player or of hls.js has a key, and no event of hls.js", async ({ browser, target }) => {
  const context = await browser.newContext();
  const plain = await walked(context, await target.standard.page(), { rate: 4 });
  const stolen = findSecrets(target.standard.secrets, plain.contents);
  for (const where of [/^hls\..*decryptdata\.key/, /^hlsFragLoaded\./, /^hlsKeyLoaded\./])
    expect(
      stolen.some((one) => where.test(one.where)),
      `${where} of a plain player has the key`,
    ).toBe(true);
  for (const level of ["guarded", "sealed"]) {
    const { contents, objects, hls, events, exchanges } = await walked(context, target.playerUrl(level));
    const secrets = [...target.secrets, ...secretsOfExchanges(target.keys, await exchanges())];
    const found = findSecrets(secrets, contents);
    record({
      attack: `objects reachable from the element${level === "guarded" ? " and from hls.js, all its events" : ""}, ${level}`,
      player: found.length,
      control: stolen.length,
      figure: `${objects} objects, ${contents.length} values, ${events} events; in plain hls.js the key stands in decryptdata.key`,
    });
    expect(objects, "objects were reached").toBeGreaterThan(20);
    expect(hls, "hls.js was taken hold of").toBe(level === "guarded");
    if (level === "guarded") expect(events).toBeGreaterThan(50);
    expect(found).toEqual([]);
  }
  await context.close();
});
