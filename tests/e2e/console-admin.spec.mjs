// The console's pages of administration and the API reference: sound for assistive technology, and what each of them does.
import { test } from "@playwright/test";
import { choose, complaintsOf, expect, expectSound, LOOKS, signedIn, startConsole } from "./lib/console.mjs";

let server;

test.beforeEach(async () => {
  server = await startConsole({ titles: 24 });
});

test.afterEach(() => server.close());

const button = (page, name) => page.getByRole("button", { name, exact: true });
const open = async (page, place) => {
  await page.goto(server.anew(place));
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator(".ghost")).toHaveCount(0);
};
const enter = async (page, context, place) => {
  await signedIn(context, server);
  await choose(context, {});
  await open(page, place);
};
const show = (place, then) => async (page) => {
  await open(page, place);
  await then?.(page);
};
const dialog = (page) => expect(page.getByRole("dialog")).toBeVisible();

const PAGES = {
  workflows: show("/workflows", (page) => expect(page.getByRole("row")).toHaveCount(8)),
  "workflow-built-in": show("/workflows/vod-compact"),
  "workflow-new": show("/workflows/new:own", (page) => expect(page.locator(".rung")).toHaveCount(3)),
  "workflow-wrong": show("/workflows/own", async (page) => {
    await page.locator("input[max='60']").fill("0");
    await expect(page.locator(".field .problem")).toBeVisible();
  }),
  "workflow-standard": show("/workflows/new:own", async (page) => {
    await page.getByRole("radio").nth(4).check();
    await page.locator("input[min='0'][max='600']").fill("601");
    await expect(page.locator(".field .problem")).toBeVisible();
  }),
  workers: show("/workers", async (page) => {
    await expect(page.getByRole("row")).toHaveCount(5);
    await expect(page.locator("[data-id='5f2b0c91d7e4a836'] .row-link")).toHaveCount(2);
  }),
  "dialog-drain": show("/workers", async (page) => {
    await page.locator("[data-id] .actions button").first().click();
    await dialog(page);
  }),
  sessions: show("/sessions", (page) => expect(page.getByRole("row")).toHaveCount(6)),
  "sessions-none": show("/sessions?uid=nobody", (page) => expect(page.locator(".empty")).toBeVisible()),
  "sessions-picker": show("/sessions", async (page) => {
    await page.locator("main").getByRole("combobox").first().click();
    await expect(page.getByRole("listbox").getByRole("option").first()).toBeVisible();
  }),
  "dialog-session": show("/sessions", async (page) => {
    await page.locator("[data-id] .actions").nth(1).locator("button").first().click();
    await page.getByRole("menuitem").first().click();
    await dialog(page);
    await expect(page.locator(".dialog .ghost")).toHaveCount(0);
  }),
  "dialog-revoke": show("/sessions", async (page) => {
    await page.locator("[data-id] .actions button").first().click();
    await page.getByRole("menuitem").last().click();
    await dialog(page);
  }),
  events: show("/events"),
  "dialog-event": show("/events", async (page) => {
    await page.locator("[data-id] .actions button").first().click();
    await dialog(page);
  }),
  webhooks: show("/events?tab=webhooks", (page) => expect(page.getByRole("row")).toHaveCount(3)),
  "dialog-webhook": show("/events?tab=webhooks", async (page) => {
    await page.locator(".list-head button").click();
    await dialog(page);
    await page.getByRole("radio").last().check();
  }),
  webhook: show("/events/wh_all", (page) => expect(page.locator("[data-state=failed]")).toBeVisible()),
  signatures: show("/signatures"),
  "signatures-limits": show("/signatures", async (page) => {
    await page.locator("details.more > summary").click();
    await page.locator("details.more select").first().selectOption("sealed");
    await expect(page.locator("details.more select")).toHaveCount(2);
    await page.locator("details.more input[max='9']").fill("10");
    await expect(page.locator("details.more .problem")).toBeVisible();
  }),
  keys: show("/keys"),
  "dialog-api-key": show("/keys", async (page) => {
    await page.locator(".list-head button").last().click();
    await dialog(page);
  }),
  "dialog-revoke-signed": show("/keys", async (page) => {
    await page.locator("[data-id] .actions button").first().click();
    await dialog(page);
  }),
  "dialog-retire": show("/keys", async (page) => {
    await page.locator("[data-id] .actions button").nth(1).click();
    await dialog(page);
  }),
  audit: show("/audit", async (page) => {
    await page.locator("summary").nth(4).click();
    await expect(page.locator(".audit-detail")).toBeVisible();
  }),
  "settings-level": show("/settings", async (page) => {
    await page.getByRole("radio").first().check();
    const below = page.locator(".form-part").nth(2).locator("select");
    await expect(below).toBeVisible();
    await below.evaluate((field) => field.scrollIntoView({ block: "center" }));
  }),
  settings: show("/settings"),
  reference: async (page) => {
    await page.goto(`${server.origin}/docs/`);
    await page.locator(".opblock-summary-control").first().click();
    await page.locator(".opblock-summary-control").nth(1).click();
    await expect(page.locator(".responses-table")).toHaveCount(2);
  },
};

for (const look of LOOKS) {
  test(`every page of administration is sound: ${look.name}`, async ({ page, context }) => {
    await page.setViewportSize(look.viewport);
    await choose(context, look);
    await signedIn(context, server);
    const complaints = await complaintsOf(page);
    for (const [name, open] of Object.entries(PAGES)) {
      await open(page);
      await expectSound(page, `${name}-${look.name}`);
      expect(complaints, name).toEqual([]);
    }
  });
}

const FAILING = {
  workflows: "/v1/workflows",
  workers: "/v1/workers",
  sessions: "/v1/sessions",
  events: "/v1/events",
  keys: "/v1/api-keys",
  audit: "/v1/audit",
  settings: "/v1/apps/1000001",
};

for (const [place, route] of Object.entries(FAILING)) {
  test(`a failure on ${place} is told in words, and trying again helps`, async ({ page, context }) => {
    server.refuseNext(`GET ${route}`, "unavailable", 503);
    await enter(page, context, `/${place}`);
    await expect(page.locator("[data-code=unavailable]").first()).toBeVisible();
    await button(page, "Try again").first().click();
    await expect(page.locator("[data-code]")).toHaveCount(0);
  });
}

test("a workflow is duplicated, changed, made the default and deleted", async ({ page, context }) => {
  await enter(page, context, "/workflows/new:vod-compact");
  await page.getByLabel("Name").fill("Small");
  await page
    .getByRole("button", { name: /Remove quality/ })
    .last()
    .click();
  await page.getByLabel("Shorter edge").first().fill("241");
  await button(page, "Create workflow").click();
  await expect(page.getByText("An even number, 16 to 4320.")).toBeVisible();
  await expect(page.getByLabel("Shorter edge").first(), "where it is wrong").toBeFocused();
  await page.getByLabel("Shorter edge").first().fill("240");
  await button(page, "Create workflow").click();
  const row = page.getByRole("row").filter({ hasText: "Small" });
  await expect(row).toBeVisible();
  const made = server.data.workflows.at(-1);
  expect(made.settings.ladder.rungs.map(({ edge }) => edge)).toEqual([240, 480]);
  await row.getByRole("button").click();
  await page.getByRole("menuitem", { name: "Make it the default" }).click();
  await expect(row.getByText("Default")).toBeVisible();
  expect(server.data.apps[0].defaultWorkflowId).toBe(made.workflowId);
  await row.getByRole("button").click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(page.getByRole("dialog")).toContainText("default");
  await button(page, "Delete workflow").click();
  await expect(row).toHaveCount(0);
});

test("what the server has against a workflow is shown at its field", async ({ page, context }) => {
  server.refuseNext("PUT /v1/workflows/own", "workflow_invalid", 400, "segmentSecs: 1 to 60");
  await enter(page, context, "/workflows/own");
  await button(page, "Save").click();
  const field = page.locator(".field").filter({ has: page.getByLabel("Segment length") });
  await expect(field.locator(".problem")).toHaveText("1 to 60");
});

test("a worker is drained after a question, and takes jobs again at once", async ({ page, context }) => {
  await enter(page, context, "/workers");
  const row = page.locator("[data-id='5f2b0c91d7e4a836']");
  for (const text of ["rack-7", "2 of 2", "Transcode and encrypt · 43%", "16 CPU · 67.1 GB", "h264_nvenc", "0.1.0"])
    await expect(row).toContainText(text);
  await expect(row.locator("[data-state=online]")).toBeVisible();
  await expect(page.locator("[data-id='a01c44be9035d2f7']")).toContainText("Of other applications: 1");
  await expect(page.locator("[data-id=local]")).toContainText("No usable ffmpeg");
  await expect(page.locator("[data-id='73dd81f0c2b96ea4'] [data-state=offline]")).toBeVisible();
  await button(page, "Drain worker rack-7").click();
  await button(page, "Cancel").click();
  expect(server.data.workers[0].drain, "nothing was done").toBe(false);
  server.refuseNext("POST /v1/workers/5f2b0c91d7e4a836/drain", "unavailable", 503);
  await button(page, "Drain worker rack-7").click();
  await expect(page.getByRole("dialog")).toContainText("finishes the jobs");
  await button(page, "Drain").last().click();
  await expect(page.locator("[data-code=unavailable]")).toBeVisible();
  await button(page, "Drain").last().click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(row.locator("[data-state=draining]")).toBeVisible();
  expect(server.data.workers[0].drain).toBe(true);
  server.refuseNext("POST /v1/workers/5f2b0c91d7e4a836/undrain", "unavailable", 503);
  await button(page, "Let worker rack-7 take jobs again").click();
  await expect(page.locator(".toast.failed")).toBeVisible();
  await expect(row.locator("[data-state=draining]")).toBeVisible();
  await button(page, "Let worker rack-7 take jobs again").click();
  await expect(row.locator("[data-state=online]")).toBeVisible();
  expect(server.data.workers[0].drain).toBe(false);
});

test("the list of workers renews itself", async ({ page, context }) => {
  await signedIn(context, server);
  await choose(context, {});
  await page.clock.install();
  await open(page, "/workers");
  await expect(page.locator("[data-id='5f2b0c91d7e4a836'] [data-state=online]")).toBeVisible();
  server.data.workers[0].state = "offline";
  server.data.workers.pop();
  await page.clock.runFor(11_000);
  await expect(page.locator("[data-id='5f2b0c91d7e4a836'] [data-state=offline]")).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(4);
});

test("a session is found by its viewer and revoked", async ({ page, context }) => {
  await enter(page, context, "/sessions");
  await page.getByLabel("Viewer (uid)").fill("viewer-1");
  await expect(page.getByRole("row")).toHaveCount(2);
  expect(page.url()).toContain("uid=viewer-1");
  await button(page, "Actions for viewer-1").click();
  await page.getByRole("menuitem", { name: "Revoke session" }).click();
  await expect(page.getByRole("dialog")).toContainText("about a minute");
  await button(page, "Revoke session").click();
  await expect(page.locator("[data-id] [data-state=revoked]")).toBeVisible();
});

test("a session is read in detail, by a link of its own, and all of its viewer's are ended", async ({
  page,
  context,
}) => {
  await enter(page, context, "/sessions");
  await page.getByLabel("Signing key (kid)").fill("none");
  await expect(page.locator(".empty")).toBeVisible();
  await page.getByLabel("Signing key (kid)").fill("k1Xa");
  await button(page, "Actions for viewer-2").click();
  await page.getByRole("menuitem", { name: "Session details" }).click();
  const detail = page.getByRole("dialog", { name: "Session details" });
  for (const text of ["viewer-2", "1–3, 8", "203.0.113.0/24, 2001:db8:7::/48", "50 segments", "app.example.com"])
    await expect(detail).toContainText(text);
  await page.reload();
  await expect(detail).toContainText("viewer-2");
  await detail.getByRole("button", { name: "Revoke viewer" }).click();
  const question = page.getByRole("dialog", { name: "Revoke all sessions of this viewer?" });
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(detail, "nothing was done").toBeVisible();
  const sent = page.waitForRequest((request) => request.url().endsWith("/v1/sessions/revoke"));
  await detail.getByRole("button", { name: "Revoke viewer" }).click();
  await question.getByRole("button", { name: "Revoke viewer" }).click();
  expect((await sent).postDataJSON()).toEqual({ uid: "viewer-2" });
  await expect(detail).toHaveCount(0);
  await expect(page.getByRole("row").filter({ hasText: "viewer-2" }).locator("[data-state=revoked]")).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "viewer-1" }).locator("[data-state=active]")).toBeVisible();
});

test("a private workflow has a choice of ciphers, one of standard mode a clear lead, and one in the clear neither", async ({
  page,
  context,
}) => {
  await enter(page, context, "/workflows/own");
  const saved = async () => {
    const sent = page.waitForRequest((request) => request.method() === "PUT");
    await button(page, "Save").click();
    return (await sent).postDataJSON().settings;
  };
  await page.getByRole("radio", { name: /^ChaCha20-Poly1305/ }).check();
  expect(await saved()).toMatchObject({ mode: "private", cipher: "chacha20-poly1305" });
  await enter(page, context, "/workflows/own");
  await page.getByRole("radio", { name: /Standard HLS/ }).check();
  await expect(page.getByRole("radio", { name: /^ChaCha20-Poly1305/ })).toHaveCount(0);
  await page.getByLabel("Clear lead").fill("12");
  expect(await saved()).toMatchObject({ mode: "standard", cipher: "aes-128-cbc", clearLeadSecs: 12 });
  await enter(page, context, "/workflows/own");
  await page.getByRole("radio", { name: /^Clear/ }).check();
  await expect(page.getByLabel("Clear lead")).toHaveCount(0);
  expect(await saved()).toMatchObject({ mode: "clear", cipher: null, clearLeadSecs: 0 });
});

test("a signature has the limits that are filled in, and none that is wrong", async ({ page, context }) => {
  await enter(page, context, "/signatures?fileId=f10000");
  await page.getByText("Limits, watermark and names").click();
  await page.getByLabel("Preview").fill("300");
  await page.getByLabel("Sessions at once").fill("2");
  await page.getByLabel("Watermark").fill("ann");
  await page.getByLabel("Names of qualities").fill("720 HD");
  await page.getByLabel("For one use").check();
  await expect(page.getByText("Needs a viewer (uid) above.")).toBeVisible();
  await page.getByLabel("Viewer (uid)").fill("ann");
  await expect(page.getByText("Needs a viewer (uid) above.")).toHaveCount(0);
  const sent = page.waitForRequest((request) => request.url().endsWith("/v1/player-signatures"));
  await button(page, "Make signature").click();
  expect((await sent).postDataJSON()).toEqual({
    fileId: "f10000",
    expiresInSecs: 3600,
    uid: "ann",
    previewSecs: 300,
    sessions: 2,
    watermark: "ann",
    once: true,
    resolutionNames: [{ minEdgeLength: 720, name: "HD" }],
  });
  await expect(page.locator("[data-valid=true]")).toContainText('"exper": 300');
});

test("a webhook's secret is told once, with how to verify; its deliveries can be sent again", async ({
  page,
  context,
}) => {
  await enter(page, context, "/events?tab=webhooks");
  await button(page, "New webhook").click();
  await page.getByLabel("Address").fill("not an address");
  await button(page, "Create webhook").click();
  await expect(page.getByText("A whole address")).toBeVisible();
  await page.getByLabel("Address").fill("https://hooks.example.com/in");
  await button(page, "Create webhook").click();
  const secret = page.getByRole("dialog");
  await expect(secret).toContainText("whsec_");
  await page.keyboard.press("Escape");
  await expect(secret, "not lost by a slip").toBeVisible();
  await button(page, "Python").click();
  await expect(secret).toContainText("hmac.compare_digest");
  await button(page, "I have kept it").click();
  await expect(page.getByText("whsec_")).toHaveCount(0);
  await page.getByRole("link", { name: /app.example.com/ }).click();
  const failed = page.getByRole("row").filter({ hasText: "connection refused" });
  await failed.getByRole("button").click();
  await expect(failed.locator("[data-state=pending]")).toBeVisible();
  await button(page, "Pause").click();
  await expect(page.getByText("Paused: nothing is sent.")).toBeVisible();
});

test("a signature is made by keyboard, read and checked", async ({ page, context }) => {
  await enter(page, context, "/signatures");
  await page.getByRole("combobox", { name: "Title", exact: true }).fill("Kiln");
  await expect(page.getByRole("option", { name: /Kiln/ }).first()).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("combobox", { name: "Title", exact: true })).toHaveValue(/Kiln/);
  await page.getByLabel("Viewer (uid)").fill("viewer-5");
  await page.getByLabel("Viewer (uid)").press("Enter");
  await expect(page.locator("[data-valid=true]")).toContainText('"uid": "viewer-5"');
  const psign = await page.locator(".psign").textContent();
  const play = page.getByRole("link", { name: "Play" });
  expect(await play.getAttribute("href")).toMatch(/^\/player\/#file=f\d+&psign=/);
  await page.getByLabel("Player signature").fill(`https://x.example${await play.getAttribute("href")}`);
  await button(page, "Check").click();
  await expect(page.locator("[data-valid=true]")).toHaveCount(2);
  await page.getByLabel("Player signature").fill(psign.slice(3));
  await button(page, "Check").click();
  await expect(page.locator("[data-valid=false]")).toContainText("psign_malformed");
});

test("keys are told once, and going back on them is asked first", async ({ page, context }) => {
  await enter(page, context, "/keys");
  await button(page, "New API key").click();
  await button(page, "Create API key").click();
  await expect(page.getByText("Fill this in.")).toBeVisible();
  await page.getByLabel("Name").fill("Robot");
  await page.getByRole("checkbox", { name: "sign" }).check();
  await button(page, "Create API key").click();
  await expect(page.getByRole("dialog")).toContainText("kv_");
  await button(page, "I have kept it").click();
  expect(server.data.apiKeys[0].scopes).toEqual(["read", "sign"]);
  await button(page, "Revoke API key Robot").click();
  await button(page, "Revoke key").click();
  await expect(page.getByRole("row").filter({ hasText: "Robot" }).locator("[data-state=revoked]")).toBeVisible();
  await button(page, "Retire signing key k1Xa").click();
  await expect(page.getByRole("dialog")).toContainText("Every session opened with it ends");
  await button(page, "Cancel").click();
  expect(server.data.signingKeys.find(({ kid }) => kid === "k1Xa").retiredAt).toBeNull();
});

test("the audit log is paged, filtered, and told in both languages", async ({ page, context }) => {
  await enter(page, context, "/audit");
  await expect(page.locator("[data-kind]")).toHaveCount(50);
  await button(page, "Load more").click();
  await expect(page.locator("[data-kind]")).toHaveCount(70);
  await page.getByLabel("Kind").selectOption("session_started");
  await expect(page.locator("[data-kind]")).toHaveCount(1);
  await expect(page.locator("[data-kind]")).toContainText("viewer-1 began to watch f10000");
  await button(page, "中文").click();
  await expect(page.locator("[data-kind]")).toContainText("viewer-1 开始观看 f10000");
});

test("settings send only what was changed, and say what is wrong with it", async ({ page, context }) => {
  await enter(page, context, "/settings");
  await expect(button(page, "Save")).toBeDisabled();
  await page.getByLabel("Domains").fill("https://example.com/page");
  await expect(page.getByText("is no host name")).toBeVisible();
  await expect(button(page, "Save")).toBeDisabled();
  await page.getByLabel("Domains").fill("example.org");
  const sent = page.waitForRequest((request) => request.method() === "PATCH");
  await button(page, "Save").click();
  expect((await sent).postDataJSON()).toEqual({ domains: ["example.org"] });
  await expect(page.getByText("Saved.")).toBeVisible();
  await expect(button(page, "Save")).toBeDisabled();
});

test("a new application tells its signing key once and is then worked in", async ({ page, context }) => {
  await enter(page, context, "/settings");
  await button(page, "New application").click();
  await page.getByRole("dialog").getByLabel("Name").fill("Third");
  await button(page, "Create application").click();
  await expect(page.getByRole("dialog")).toContainText("first-signing-key");
  await button(page, "I have kept it").click();
  await expect(page.getByRole("combobox", { name: "Application" })).toHaveValue("1000003");
  await expect(page.getByLabel("Name")).toHaveValue("Third");
});

test("the API reference says when there is none, and loads when there is", async ({ page, context }) => {
  await choose(context, {});
  server.refuseNext("GET /v1/openapi.json", "unavailable", 503);
  await page.goto(`${server.origin}/docs/`);
  await expect(page.getByRole("alert")).toContainText("can’t be loaded");
  await button(page, "Try again").click();
  await expect(page.getByText("/v1/player-signatures", { exact: true })).toBeVisible();
});
