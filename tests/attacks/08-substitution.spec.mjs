// The SDK's files rewritten on their way, as a proxy or a redirect does it. The worker knows its wasm by SHA-256. Nothing knows the
// worker: what then happens is told, and what the page's own policies stop.
import { createHash } from "node:crypto";
import { embed, told } from "../e2e/lib/element.mjs";
import { closeContext } from "../e2e/lib/test.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { signed } from "./lib/packed.mjs";
import { bitFlipped, foreign, MARK, marked, template, thievingWorker } from "./lib/substitutes.mjs";

const WASM = /\/sdk\/[^/]+\.wasm$/;
const WORKER = /\/sdk\/worker\.js$/;
/** One that the player's page loads. */
const SCRIPT = "/theme.js";
const OWN_PAGE = "/attack/page.html";

const substitutes = {
  "a section more": marked,
  "one bit flipped": bitFlipped,
  "cut off": (wasm) => wasm.subarray(0, -1),
  "another installation's": foreign,
  "no installation's": template,
};

/** Opens the player's page with another wasm: { code, plays }, where `plays` counts what only a running module can ask. */
async function outcome(browser, target, level, substitute) {
  const context = await browser.newContext();
  try {
    let plays = 0;
    let served = 0;
    context.on("request", (request) => {
      if (request.url().endsWith("/v1/play")) plays += 1;
    });
    await context.route(WASM, async (route) => {
      served += 1;
      const response = await route.fetch();
      await route.fulfill({ response, body: substitute(await response.body()) });
    });
    const page = await context.newPage();
    await page.goto(target.playerUrl(level));
    const failure = page.locator("[data-code]").first();
    const code = async () => ((await failure.count()) > 0 ? failure.getAttribute("data-code") : null);
    await expect.poll(async () => plays > 0 || (await code()) !== null, { timeout: 60_000 }).toBe(true);
    expect(served, "the substitute was served").toBeGreaterThan(0);
    return { code: await code(), plays };
  } finally {
    await closeContext(context);
  }
}

/** Runs in a page that knows no pin: compiles what it gets and calls it. */
async function runUnpinned([url, mark]) {
  const module = await WebAssembly.compile(await (await fetch(url)).arrayBuffer());
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => 0;
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  return { marks: WebAssembly.Module.customSections(module, mark).length, address: exports.__wbindgen_malloc(16, 1) };
}

/** A page of this origin that a proxy made: without the headers that the server would have sent. */
async function proxyPage(browser, target, { html, routes = [] }) {
  const context = await browser.newContext();
  await context.route(`**${OWN_PAGE}`, (route) => route.fulfill({ contentType: "text/html", body: html }));
  for (const [place, answer] of routes) await context.route(place, answer);
  const page = await context.newPage();
  await page.goto(`${target.keyveil.origin}${OWN_PAGE}`);
  return { page, close: () => closeContext(context) };
}

const withBody = (change) => async (route) => {
  const response = await route.fetch();
  await route.fulfill({ response, body: change(await response.body()) });
};

test("the player runs no wasm but its own; a page without a pin runs any", async ({ browser, target }) => {
  const own = await outcome(browser, target, "sealed", (wasm) => wasm);
  expect([own.code, own.plays], "unaltered, it plays through the same proxy").toEqual([null, 1]);
  const tries = [
    ...Object.entries(substitutes).map(([name, substitute]) => [name, "sealed", substitute]),
    ["guarded, a section more", "guarded", marked],
  ];
  const got = await Promise.all(
    tries.map(async ([name, level, substitute]) => ({ name, ...(await outcome(browser, target, level, substitute)) })),
  );

  const routes = [[WASM, withBody(marked)]];
  const unpinned = await proxyPage(browser, target, { html: "<!doctype html>", routes });
  const { wasm } = await (await fetch(`${target.keyveil.origin}/sdk/sdk.json`)).json();
  const ran = await unpinned.page.evaluate(runUnpinned, [`/sdk/${wasm}`, MARK]);
  await unpinned.close();
  record({
    attack: "altered or foreign wasm",
    player: got.filter(({ plays }) => plays > 0).length,
    control: ran.marks > 0 && ran.address > 0 ? 1 : 0,
    figure: `${got.map(({ name, code }) => `${name}: ${code}`).join(", ")}; a page without a pin runs the altered module`,
  });
  for (const { name, code, plays } of got) expect([name, code, plays]).toEqual([name, "wasm_altered", 0]);
  expect(ran.marks).toBe(1);
});

test("a page that names an altered wasm and its hash does not talk the worker into it", async ({ page, target }) => {
  const { keyveil, fileId } = target;
  const { wasm } = await (await fetch(`${keyveil.origin}/sdk/sdk.json`)).json();
  const altered = marked(Buffer.from(await (await fetch(`${keyveil.origin}/sdk/${wasm}`)).arrayBuffer()));
  await page.context().route("**/sdk/another.wasm", (route) => route.fulfill({ body: altered }));
  const psign = await signed(keyveil, fileId);
  const tell = async (attributes) => {
    await embed(page, keyveil, psign, { attributes });
    const ended = async () => [...(await told(page, "error")), ...(await told(page, "title"))].length > 0;
    await expect.poll(ended, { timeout: 60_000 }).toBe(true);
    return (await told(page, "error")).map(({ code }) => code);
  };
  const place = { "wasm-url": "/sdk/another.wasm" };
  const named = await tell({ ...place, "wasm-sha256": createHash("sha256").update(altered).digest("hex") });
  const unnamed = await tell(place);
  const own = await tell({ "wasm-url": `/sdk/${wasm}` });
  record({
    attack: "page names an altered wasm",
    player: [named, unnamed].filter((codes) => codes.length === 0).length,
    control: own.length === 0 ? 1 : 0,
    figure: `with its hash: ${named}; without: ${unnamed}; the worker's own wasm by its address: ${own.join() || "plays"}`,
  });
  expect([named, unnamed, own]).toEqual([["wasm_altered"], ["wasm_altered"], []]);
});

for (const level of ["sealed", "guarded"])
  test(`${level}: an altered worker.js is not stopped`, async ({ browser, target }) => {
    const context = await browser.newContext();
    const stolen = [];
    await context.route(
      WORKER,
      withBody((body) => thievingWorker(body.toString("utf8"))),
    );
    await context.route("**/stolen", (route) => {
      stolen.push(route.request().postDataBuffer() ?? Buffer.alloc(0));
      return route.fulfill({ status: 204 });
    });
    const page = await context.newPage();
    await page.goto(target.playerUrl(level));
    const media = () => stolen.filter((body) => body.includes("moof")).length;
    await expect.poll(media, { timeout: 60_000 }).toBeGreaterThan(2);
    await closeContext(context);
    const bytes = stolen.reduce((sum, body) => sum + body.length, 0);
    record({
      attack: `${level}: altered worker.js (not stopped)`,
      player: media(),
      control: media(),
      tier: "costly",
      figure: `${media()} clear segments, ${bytes} bytes: a page can't tell what code its worker runs. TLS is what keeps a proxy from rewriting it`,
    });
  });

test("subresource integrity refuses an altered script of the page", async ({ browser, target }) => {
  const source = Buffer.from(await (await fetch(`${target.keyveil.origin}${SCRIPT}`)).arrayBuffer());
  const hash = createHash("sha384").update(source).digest("base64");
  const routes = [[`**${SCRIPT}`, withBody((body) => Buffer.concat([body, Buffer.from("\nwindow.stolen=1;")]))]];
  const runs = async (attributes) => {
    const html = `<!doctype html><script src="${SCRIPT}"${attributes}></script>`;
    const { page, close } = await proxyPage(browser, target, { html, routes });
    const ran = await page.evaluate(() => window.stolen === 1);
    await close();
    return Number(ran);
  };
  const player = await runs(` integrity="sha384-${hash}"`);
  const control = await runs("");
  const figure = "with integrity: refused; without: the altered script runs. There is none for workers";
  record({ attack: "altered script of a page that has its integrity", player, control, figure });
  expect([player, control]).toEqual([0, 1]);
});

test("a meta policy survives a proxy that strips the header, and stops workers of somebody else", async ({
  browser,
  target,
}) => {
  const runs = async (head) => {
    const html = `<!doctype html><head>${head}</head>`;
    const { page, close } = await proxyPage(browser, target, { html });
    const ran = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const worker = new Worker(URL.createObjectURL(new Blob(["postMessage('ran')"])));
          worker.onmessage = () => resolve(1);
          worker.onerror = () => resolve(0);
        }),
    );
    await close();
    return ran;
  };
  const policy = "default-src 'self'; worker-src 'self'; media-src 'self' blob:";
  const player = await runs(`<meta http-equiv="content-security-policy" content="${policy}">`);
  const control = await runs("");
  const figure = "meta worker-src 'self': blob worker refused; header stripped and no meta: it runs";
  record({ attack: "blob worker, header policy stripped", player, control, figure });
  expect([player, control]).toEqual([0, 1]);
});
