// Keys that the server gives later: the player waits for them and plays on (docs/PACING.md).
import { sharedClip } from "./lib/clips.mjs";
import { embed, fileIdOf, sign, told } from "./lib/element.mjs";
import { start } from "./lib/installation.mjs";
import { expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

/** Periods are 8 s: four of them are a player's, and for two more it waits four seconds. */
const TIGHT = { KEYVEIL_PACING_LOOK_AHEAD_SECS: "0", KEYVEIL_PACING_SPEED: "4" };
const PERIOD_SECS = 8;
const FIRST_SECS = 4 * PERIOD_SECS;
const CLIP_SECS = 60;

let keyveil;
let fileId;

async function installed(env) {
  await keyveil?.stop();
  keyveil = await start(sharedClip("mp4", { secs: CLIP_SECS, name: "minute" }), { env });
  fileId = fileIdOf(keyveil);
}

test.beforeAll(async () => {
  test.setTimeout(900_000);
  await installed(TIGHT);
});

test.afterAll(async () => {
  await keyveil?.stop();
});

/** The answers to requests for keys so far: [status, seconds to wait]. */
function keyAnswers(page) {
  const answers = [];
  page.context().on("response", (response) => {
    if (!response.url().endsWith("/v1/keys") || response.request().method() !== "POST") return;
    answers.push([response.status(), Number(response.headers()["retry-after"] ?? 0)]);
  });
  return answers;
}

const refusals = (answers) => answers.filter(([status]) => status === 429);
const bufferedTo = (video) =>
  video.evaluate(({ buffered }) => (buffered.length ? buffered.end(buffered.length - 1) : 0));

test("waits for keys as long as the server wants, and plays on", async ({ page }) => {
  const answers = keyAnswers(page);
  // It would have the whole title at once.
  const element = await embed(page, keyveil, await sign(keyveil, fileId, { uid: `waits ${Math.random()}` }));
  const video = element.locator("video");
  await play(video);
  await expect.poll(() => refusals(answers).length, { timeout: 30_000 }).toBeGreaterThan(0);
  for (const [, secs] of refusals(answers)) expect(secs).toBeGreaterThan(0);
  await expect.poll(() => bufferedTo(video), { timeout: 60_000 }).toBeGreaterThan(CLIP_SECS - 2);
  // What came late is what plays now.
  await video.evaluate((element, secs) => {
    element.currentTime = secs;
  }, FIRST_SECS + 2);
  await expect.poll(() => video.evaluate(({ currentTime }) => currentTime)).toBeGreaterThan(FIRST_SECS + 4);
  const errors = await told(page, "error");
  expect(errors.length).toBe(refusals(answers).length);
  expect(new Set(errors.map(({ code, fatal }) => `${code} ${fatal}`))).toEqual(new Set(["rate_limited false"]));
  expect((await told(page, "state")).map(({ state }) => state)).not.toContain("error");
});

test("a seek to another place is not held up by it", async ({ page }) => {
  const answers = keyAnswers(page);
  // Nothing more is given in a row, as far as the player hears.
  await page.context().route("**/v1/keys", async (route) => {
    const answer = await route.fetch();
    const headers = { ...answer.headers(), "retry-after": "3000" };
    await route.fulfill({ response: answer, headers });
  });
  const element = await embed(page, keyveil, await sign(keyveil, fileId, { uid: `seeks ${Math.random()}` }));
  const video = element.locator("video");
  await play(video);
  await expect.poll(() => refusals(answers), { timeout: 30_000 }).toEqual([[429, 3000]]);
  const place = CLIP_SECS - 8;
  await video.evaluate((element, secs) => {
    element.currentTime = secs;
  }, place);
  await expect
    .poll(() => video.evaluate(({ currentTime }) => currentTime), { timeout: 30_000 })
    .toBeGreaterThan(place + 1);
  expect((await told(page, "error")).filter(({ fatal }) => fatal)).toEqual([]);
});

test("control: a refusal that no player waits for ends playback", async ({ page }) => {
  const answers = keyAnswers(page);
  await page.context().route("**/v1/keys", async (route) => {
    const answer = await route.fetch();
    if (answer.status() !== 429) return route.fulfill({ response: answer });
    const error = { code: "track_not_allowed", message: "Never.", requestId: "r" };
    return route.fulfill({ response: answer, json: { error } });
  });
  const element = await embed(page, keyveil, await sign(keyveil, fileId, { uid: `ends ${Math.random()}` }));
  await play(element.locator("video"));
  await expect
    .poll(() => told(page, "error"), { timeout: 30_000 })
    .toContainEqual({
      code: "track_not_allowed",
      fatal: true,
    });
  expect(refusals(answers).length).toBeGreaterThan(0);
});

test("control: as it is set by default the same title is here at once", async ({ page }) => {
  test.setTimeout(300_000);
  await installed({});
  const answers = keyAnswers(page);
  const element = await embed(page, keyveil, await sign(keyveil, fileId, { uid: `plays ${Math.random()}` }));
  const video = element.locator("video");
  await play(video);
  await expect.poll(() => bufferedTo(video), { timeout: 60_000 }).toBeGreaterThan(CLIP_SECS - 2);
  expect(answers.length).toBeGreaterThan(0);
  expect(refusals(answers)).toEqual([]);
  expect(await told(page, "error")).toEqual([]);
});
