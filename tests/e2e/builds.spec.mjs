// Two SDK builds at once: who has the page open goes on with the old one while new pages load the new one, until the old one is retired.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { sharedClip } from "./lib/clips.mjs";
import { embed, fileIdOf, sign, told } from "./lib/element.mjs";
import { ROOT, start } from "./lib/installation.mjs";
import { play } from "./lib/play.mjs";

/** Little is loaded ahead, so that a seek needs keys. A period has 8 s, and a grant the asked one and the next. */
const AHEAD = { bufferSecs: 2 };
const LATER = 18;

let keyveil;

const manifest = () => JSON.parse(readFileSync(join(keyveil.sdk, "sdk.json"), "utf8"));
const write = () =>
  keyveil.keyServer("build", "write", "--sdk", join(ROOT, "player-wasm", "dist"), "--out", keyveil.sdk);

/** A page that plays, and what its worker asked the server: [{ path, buildId, status }]. */
async function playing(browser) {
  const page = await browser.newPage();
  const asked = [];
  page.context().on("response", (response) => {
    const path = new URL(response.url()).pathname;
    if (!["/v1/play", "/v1/keys"].includes(path)) return;
    asked.push({ path, buildId: response.request().postDataJSON().buildId, status: response.status() });
  });
  const open = async () => {
    const element = await embed(page, keyveil, await sign(keyveil, fileIdOf(keyveil), {}), AHEAD);
    await play(element.locator("video"));
    const position = () => element.evaluate((player) => player.video.currentTime);
    await expect.poll(position).toBeGreaterThan(0.2);
    await element.evaluate((player) => player.video.pause());
  };
  const seek = (secs) =>
    page.locator("#own").evaluate((player, to) => Object.assign(player.video, { currentTime: to }), secs);
  const isAt = (secs) =>
    expect
      .poll(() =>
        page.locator("#own").evaluate(({ video }, at) => video.currentTime >= at && video.readyState > 1, secs),
      )
      .toBe(true);
  await open();
  return { page, asked, open, seek, isAt, errors: () => told(page, "error"), close: () => page.context().close() };
}

test.beforeAll(async () => {
  test.setTimeout(900_000);
  keyveil = await start(sharedClip("mp4", { secs: 24 }));
});

test.afterAll(async () => {
  await keyveil?.stop();
});

test("builds overlap without downtime, and a retired one ends at its next request for keys", async ({ browser }) => {
  const old = manifest();
  const [goesOn, staysBehind] = [await playing(browser), await playing(browser)];
  keyveil.keyServer("build", "create");
  write();
  const next = manifest();
  expect(next.buildId).not.toBe(old.buildId);
  expect(readdirSync(keyveil.sdk)).toEqual(expect.arrayContaining([old.wasm, next.wasm]));

  const fresh = await playing(browser);
  expect(fresh.asked[0]).toEqual({ path: "/v1/play", buildId: next.buildId, status: 200 });
  await goesOn.seek(LATER);
  await goesOn.isAt(LATER);
  expect(goesOn.asked[0].buildId).toBe(old.buildId);
  expect(goesOn.asked.at(-1)).toMatchObject({ path: "/v1/keys", status: 200 });

  keyveil.keyServer("build", "retire", old.buildId);
  await staysBehind.seek(LATER);
  await expect.poll(staysBehind.errors).toContainEqual({ code: "build_unknown", fatal: true });
  expect(staysBehind.asked.at(-1)).toMatchObject({ path: "/v1/keys", status: 403 });
  await fresh.seek(LATER);
  await fresh.isAt(LATER);
  expect(fresh.asked.at(-1)).toMatchObject({ path: "/v1/keys", status: 200 });

  await staysBehind.open();
  expect(staysBehind.asked.at(-1)).toMatchObject({ buildId: next.buildId, status: 200 });
  write();
  expect(readdirSync(keyveil.sdk)).not.toContain(old.wasm);
  for (const page of [goesOn, staysBehind, fresh]) await page.close();
});
