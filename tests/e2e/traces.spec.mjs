// Traces that begin in the player, or in its page: what the key server tells a collector of a playback is one trace.
import { sharedClip } from "./lib/clips.mjs";
import { Collector } from "./lib/collector.mjs";
import { embed, fileIdOf, sign, told } from "./lib/element.mjs";
import { freePort, start } from "./lib/installation.mjs";
import { expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const GIVEN = `00-${TRACE_ID}-b7ad6b7169203331-01`;

let collector;
let keyveil;
/** A page of another origin, which is one of the application: its browser asks before it sends a header. */
let elsewhere;
let fileId;
let appId;

const allow = (domains) => keyveil.api("PATCH", `/v1/apps/${appId}`, { domains });

test.beforeAll(async () => {
  test.setTimeout(900_000);
  collector = await Collector.open();
  const port = await freePort();
  const env = {
    KEYVEIL_PUBLIC_URL: `http://127.0.0.1:${port}`,
    KEYVEIL_TRACING_OTLP_ENDPOINT: collector.url,
    // Only what a player asks for is traced, and all of that.
    KEYVEIL_TRACING_SAMPLE_RATIO: "0",
    KEYVEIL_TRACING_PARENT_RATIO: "1",
  };
  keyveil = await start(sharedClip("mp4", { secs: 24 }), { port, env });
  fileId = fileIdOf(keyveil);
  ({ appId } = await keyveil.api("GET", `/v1/titles/${fileId}`));
  elsewhere = { ...keyveil, origin: `http://localhost:${port}` };
  await allow([`localhost:${port}`]);
});

test.afterAll(async () => {
  // Other specs share the application.
  if (appId) await allow([]);
  await keyveil?.stop();
  await collector?.close();
});

test.beforeEach(() => {
  collector.spans.length = 0;
});

/** Plays on a page of another origin, to the title's end; what was asked for, and with which header. */
async function playElsewhere(page, attributes) {
  const sent = [];
  page.context().on("request", (request) => {
    const { traceparent = null } = request.headers();
    sent.push({ asked: `${request.method()} ${request.url()}`, traceparent });
  });
  const psign = await sign(keyveil, fileId);
  const element = await embed(page, elsewhere, psign, { attributes: { server: keyveil.origin, ...attributes } });
  await play(element.locator("video"));
  await expect.poll(() => element.evaluate((player) => player.video.currentTime)).toBeGreaterThan(1);
  // The last period: keys that only a second exchange gives.
  await element.evaluate((player) => {
    player.video.currentTime = 20;
  });
  await expect.poll(() => element.evaluate((player) => player.video.ended), { timeout: 30_000 }).toBe(true);
  expect(await told(page, "error")).toEqual([]);
  return { element, sent, traceId: await element.evaluate((player) => player.player.title.traceId) };
}

const exchanges = (sent) => sent.filter(({ asked }) => /^POST .*\/v1\/(play|keys)$/.test(asked));
const requestSpans = () => collector.spans.filter(({ name }) => /^[A-Z]+ \//.test(name));

test("without the attribute no request has the header, and nothing is traced", async ({ page }) => {
  const { sent, traceId } = await playElsewhere(page, {});
  expect(exchanges(sent).length).toBeGreaterThan(1);
  expect([traceId, sent.filter(({ traceparent }) => traceparent !== null)]).toEqual([null, []]);
  // Longer than the server keeps spans back.
  await page.waitForTimeout(3_000);
  expect(collector.spans).toEqual([]);
});

for (const [what, value] of [
  ["a trace of the player's own", ""],
  ["the page's trace", GIVEN],
])
  test(`${what} holds all that the key server does for the player's exchanges`, async ({ page }) => {
    const { sent, traceId } = await playElsewhere(page, { traceparent: value });
    const ids = exchanges(sent).map(({ traceparent }) => traceparent.split("-"));
    expect(ids.length).toBeGreaterThan(1);
    expect(new Set(ids.map(([version, trace, , flags]) => `${version} ${trace} ${flags}`))).toEqual(
      new Set([`00 ${value === "" ? traceId : TRACE_ID} 01`]),
    );
    // Playlists and segments go without: they may come from another host, which allows no such header.
    expect(sent.filter(({ traceparent }) => traceparent !== null)).toEqual(exchanges(sent));
    await expect.poll(() => requestSpans().length, { timeout: 15_000 }).toBe(ids.length);
    expect(new Set(collector.spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(new Set(requestSpans().map(({ name }) => name))).toEqual(new Set(["POST /v1/play", "POST /v1/keys"]));
    const parents = requestSpans().map(({ parentSpanId }) => parentSpanId);
    expect(parents.sort()).toEqual(ids.map(([, , spanId]) => spanId).sort());
    expect(new Set(parents).size, "each request is a span of its own").toBe(parents.length);
    expect(collector.spans.map(({ name }) => name)).toContain("database release");
  });

test("a malformed traceparent is told, and nothing is asked of the server", async ({ page }) => {
  const sent = [];
  page.context().on("request", (request) => sent.push({ asked: `${request.method()} ${request.url()}` }));
  await embed(page, keyveil, await sign(keyveil, fileId), { attributes: { traceparent: "yes" } });
  await expect.poll(() => told(page, "error")).toEqual([{ code: "malformed_request", fatal: true }]);
  expect(exchanges(sent)).toEqual([]);
});
