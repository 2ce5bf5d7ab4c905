// Levels of playback: chosen in settings and signatures, shown in sessions and beside the video.
import { test } from "@playwright/test";
import { choose, complaintsOf, expect, expectSound, LOOKS, signedIn, startConsole } from "./lib/console.mjs";

let server;

test.beforeEach(async () => {
  server = await startConsole({ titles: 12 });
});

test.afterEach(() => server.close());

const button = (page, name) => page.getByRole("button", { name, exact: true });

async function enter(page, context, place) {
  await signedIn(context, server);
  await choose(context, {});
  await page.goto(server.anew(place));
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator(".ghost")).toHaveCount(0);
}

async function saved(page) {
  const sent = page.waitForRequest((request) => request.method() === "PATCH");
  await button(page, "Save").click();
  const change = (await sent).postDataJSON();
  await expect(button(page, "Save")).toBeDisabled();
  return change;
}

test("the settings say the least level allowed, and what a lower one gets", async ({ page, context }) => {
  await enter(page, context, "/settings");
  const below = page.getByLabel("What a lower level gets");
  await expect(page.getByRole("radio", { name: "Any level" })).toBeChecked();
  await expect(below, "nothing is lower than any").toHaveCount(0);
  await page.getByRole("radio", { name: "Sealed only" }).check();
  await expect(below).toHaveValue("refuse");
  expect(await saved(page)).toEqual({ minLevel: "sealed" });
  for (const track of ["AUDIO", "SD", "HD", "UHD"]) {
    await below.selectOption(track);
    expect(await saved(page)).toEqual({ belowMinLevel: track });
  }
  await below.selectOption("Nothing: it is refused");
  await page.getByRole("radio", { name: "Guarded or sealed" }).check();
  expect(await saved(page)).toEqual({ minLevel: "guarded", belowMinLevel: "refuse" });
  await page.reload();
  await expect(page.getByRole("radio", { name: "Guarded or sealed" })).toBeChecked();
  await page.getByRole("radio", { name: "Any level" }).check();
  expect(await saved(page)).toEqual({ minLevel: "standard" });
});

test("a signature asks for a level only when one is chosen", async ({ page, context }) => {
  await enter(page, context, "/signatures?fileId=f10000");
  await page.getByText("Limits, watermark and names").click();
  const asked = async () => {
    const sent = page.waitForRequest((request) => request.url().endsWith("/v1/player-signatures"));
    await button(page, "Make signature").click();
    const { minLevel, belowMinLevel } = (await sent).postDataJSON();
    return { minLevel, belowMinLevel };
  };
  const below = page.getByLabel("What a lower level gets");
  await expect(below).toHaveCount(0);
  expect(await asked()).toEqual({ minLevel: undefined, belowMinLevel: undefined });
  await page.getByLabel("Least level allowed").selectOption("Sealed only");
  expect(await asked()).toEqual({ minLevel: "sealed", belowMinLevel: "refuse" });
  await below.selectOption("Up to HD");
  expect(await asked()).toEqual({ minLevel: "sealed", belowMinLevel: "HD" });
  await expect(page.locator("[data-valid=true]")).toContainText('"belowMinLevel": "HD"');
  await page.getByLabel("Least level allowed").selectOption("As the app settings say");
  expect(await asked()).toEqual({ minLevel: undefined, belowMinLevel: undefined });
});

const REASONS = {
  browser: ["browser can’t", "The browser has no MediaSource in workers."],
  application: ["page asked", "The page asked for it."],
  own_hls: ["own hls.js", "The page brings its own hls.js."],
  hls_settings: ["hls.js settings", "The page’s settings for hls.js hold functions."],
  old_player: ["old player", "The player is of an older version."],
};

test("sessions show their level, and why it is lower", async ({ page, context }) => {
  const reasons = Object.entries(REASONS);
  server.data.sessions = reasons.map(([downgrade], n) => ({
    ...server.data.sessions[0],
    sessionId: `session-${n}`,
    uid: `lower-${n}`,
    level: "guarded",
    downgrade,
  }));
  const other = (uid, more) => ({ ...server.data.sessions[0], sessionId: uid, uid, downgrade: null, ...more });
  server.data.sessions.push(
    other("best", { level: "sealed" }),
    other("open", { level: "standard" }),
    other("before", { level: null }),
  );
  await enter(page, context, "/sessions");
  const row = (uid) => page.getByRole("row").filter({ hasText: uid });
  for (const [n, [, [short, sentence]]] of reasons.entries()) {
    await expect(row(`lower-${n}`).locator("[data-level=guarded]")).toHaveText("Guarded");
    await expect(row(`lower-${n}`)).toContainText(short);
    await expect(page.getByTitle(sentence)).toHaveText(short);
  }
  await expect(row("best").locator("[data-level=sealed]")).toHaveText("Sealed");
  await expect(row("open").locator("[data-level=standard]")).toHaveText("Standard");
  await expect(row("before")).toHaveCount(1);
  await expect(row("before").locator("[data-level]"), "opened before there were levels").toHaveCount(0);
  await button(page, "Actions for lower-3").click();
  await page.getByRole("menuitem", { name: "Session details" }).click();
  const detail = page.getByRole("dialog", { name: "Session details" });
  await expect(detail.locator("[data-level=guarded]")).toBeVisible();
  await expect(detail).toContainText("The page’s settings for hls.js hold functions.");
});

test("a session that looked like theft says how much, and why", async ({ page, context }) => {
  const [some] = server.data.sessions;
  const suspected = { active: false, revokedAt: some.createdAt, endedBy: "pacing", score: 94 };
  server.data.sessions = [
    { ...some, sessionId: "calm", uid: "calm" },
    { ...some, ...suspected, sessionId: "fast", uid: "fast", reasons: ["ahead_of_play", "many_addresses"] },
  ];
  await enter(page, context, "/sessions");
  const row = (uid) => page.getByRole("row").filter({ hasText: uid });
  await expect(row("fast").locator("[data-score]")).toHaveText("Suspected 94");
  await expect(row("calm")).toHaveCount(1);
  await expect(row("calm").locator("[data-score]")).toHaveCount(0);
  await page.getByRole("combobox", { name: "Suspicion" }).selectOption("Suspected");
  await expect(row("calm")).toHaveCount(0);
  await expect(row("fast")).toHaveCount(1);
  await expectSound(page, "sessions-suspected");
  await page.getByRole("combobox", { name: "Suspicion" }).selectOption("Suspected or not");
  await expect(row("calm")).toHaveCount(1);
  const detail = page.getByRole("dialog", { name: "Session details" });
  await button(page, "Actions for fast").click();
  await page.getByRole("menuitem", { name: "Session details" }).click();
  await expect(detail).toContainText("because it looked like theft");
  await expect(detail).toContainText("94 of 100");
  await expect(detail).toContainText("keys far ahead of what was played; networks of many operators");
  await page.keyboard.press("Escape");
  await button(page, "Actions for calm").click();
  await page.getByRole("menuitem", { name: "Session details" }).click();
  await expect(detail).toContainText("calm");
  await expect(detail).not.toContainText("Suspicion");
});

for (const [width, shown] of [
  [1440, true],
  [1280, false],
  [1100, false],
]) {
  test(`the list of sessions is no wider than a window of ${width}`, async ({ page, context }) => {
    await page.setViewportSize({ width, height: 800 });
    await enter(page, context, "/sessions");
    await expect(page.getByRole("columnheader", { name: "Level" })).toBeVisible();
    await expect(page.getByRole("columnheader", { name: "Page" })).toBeVisible({ visible: shown });
    await expectSound(page, `sessions-${width}`);
  });
}

test("all sessions on a signing key are revoked, and the key stays in use", async ({ page, context }) => {
  await enter(page, context, "/keys");
  const revoke = button(page, "Revoke sessions signed with k1Xa");
  const question = page.getByRole("dialog", { name: "Revoke all sessions signed with k1Xa?" });
  await revoke.click();
  await expect(question).toContainText("The key stays in use");
  await question.getByRole("button", { name: "Cancel" }).click();
  expect(server.data.sessions.filter(({ endedBy }) => endedBy === "signingKey")).toEqual([]);
  await revoke.click();
  server.refuseNext("POST /v1/sessions/revoke", "unavailable", 503);
  await question.getByRole("button", { name: "Revoke sessions" }).click();
  await expect(question, "a failure stays in sight").toContainText("The key server is busy");
  const sent = page.waitForRequest((request) => request.url().endsWith("/v1/sessions/revoke"));
  await question.getByRole("button", { name: "Revoke sessions" }).click();
  expect((await sent).postDataJSON()).toEqual({ kid: "k1Xa" });
  await expect(page.getByText("Sessions revoked: 2.")).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "k1Xa" }).locator("[data-state=inUse]")).toBeVisible();
  await expect(button(page, "Revoke sessions signed with k0Wz"), "a retired key has none").toHaveCount(0);
  const { sessions } = server.data;
  expect(sessions.filter(({ endedBy }) => endedBy === "signingKey").map(({ uid }) => uid)).toEqual([
    "viewer-1",
    "viewer-2",
  ]);
  expect(sessions.find(({ uid }) => uid === null).active, "it stands on another key").toBe(true);
});

/** The player's page before the stand-in, which has no media: what the element would tell is told in its place. */
async function openPlayer(page, rest = "") {
  await page.goto(`${server.anew("")}`.replace(/console\/.*$/, `player/#file=f10000&psign=aa.bb.cc${rest}`));
  // It fails, as there is nothing behind the stand-in's addresses: what comes after that is what a test tells.
  await expect(page.locator(".curtain.failed")).toBeVisible();
}

const tell = (page, session, mode = "private") =>
  page.locator("keyveil-player").evaluate(
    (player, [told, kind]) => {
      const title = {
        fileId: "f10000",
        name: "Glacier: an introduction",
        mode: kind,
        cipher: kind === "clear" ? null : "aes-128-cbc",
        durationMs: 61_000,
        segmentMs: 2000,
        periodSegments: 10,
        segmentCount: 31,
        renditions: [],
      };
      const detail = {
        title,
        session: { id: "s", expiresAt: Date.now() / 1000 + 3600, ...told },
        trackClasses: ["SD", "HD"],
      };
      player.dispatchEvent(new CustomEvent("title", { detail }));
      player.dispatchEvent(new CustomEvent("state", { detail: { state: "ready" } }));
    },
    [session, mode],
  );

test("the player's page plays at the level that its address asks for, and at no other", async ({ page, context }) => {
  await choose(context, {});
  for (const [rest, level] of [
    ["&level=guarded", "guarded"],
    ["", null],
    ["&level=standard", null],
    ["&level=sealed", null],
  ]) {
    await page.goto("about:blank");
    await openPlayer(page, rest);
    expect(await page.locator("keyveil-player").getAttribute("level"), rest).toBe(level);
  }
});

test("the panel beside the video tells the session's level where there is one", async ({ page, context }) => {
  await choose(context, {});
  await openPlayer(page);
  const row = page.locator("[data-row=level]");
  for (const [level, words] of Object.entries({ sealed: "Sealed", guarded: "Guarded", standard: "Standard" })) {
    await tell(page, { level });
    await expect(row).toHaveText(words);
    await expect(row).toBeVisible();
  }
  for (const none of [{}, { level: null }, { level: "higher" }, { level: 1 }]) {
    await tell(page, none);
    await expect(row, JSON.stringify(none)).toBeHidden();
  }
  await tell(page, { level: "sealed" });
  await expect(row).toBeVisible();
  await button(page, "中文").click();
  await expect(row).toHaveText("密封");
  await expect(row).toBeVisible();
});

for (const look of LOOKS) {
  test(`the player's page is sound at each level: ${look.name}`, async ({ page, context }) => {
    await page.setViewportSize(look.viewport);
    await choose(context, look);
    const complaints = await complaintsOf(page);
    for (const level of ["sealed", "guarded", "standard"]) {
      await page.goto("about:blank");
      await openPlayer(page);
      await tell(page, { level }, level === "standard" ? "standard" : "private");
      await expect(page.locator("[data-row=level]")).toBeVisible();
      await expectSound(page, `player-${level}-${look.name}`);
    }
    // Chromium reports what the stand-in refuses.
    expect(complaints.filter((text) => !/status of 4\d\d/.test(text))).toEqual([]);
  });
}
