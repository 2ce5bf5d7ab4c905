// The strictest policies that player-wasm/README.md has, in the browser: the player plays under them, and what they forbid ends with a clear
// error, never with another way to get a worker.
import { sharedClip } from "./lib/clips.mjs";
import { start } from "./lib/installation.mjs";
import { atLevel, expect, test } from "./lib/levels.mjs";
import { play } from "./lib/play.mjs";

let keyveil;

test.beforeAll(async () => {
  test.setTimeout(900_000);
  keyveil = await start(sharedClip("mp4", { secs: 24 }));
});

test.afterAll(async () => {
  await keyveil?.stop();
});

/** Of the page: `worker-src` names the two workers' files, and all else that the documented one has. */
const pagePolicy = (changes = {}) => {
  const { origin } = keyveil;
  const directives = {
    "default-src": "'none'",
    "script-src": "'self'",
    "worker-src": `${origin}/sdk/worker.js ${origin}/assets/`,
    "connect-src": "'self'",
    "media-src": "blob: data: 'self'",
    "img-src": "'self' data:",
    "style-src": "'self' 'unsafe-inline'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "keyveil default",
    ...changes,
  };
  const stated = Object.entries(directives).filter(([, value]) => value !== null);
  return stated.map(([name, value]) => `${name} ${value}`).join("; ");
};
const workerPolicy = ({ script = "'wasm-unsafe-eval'" } = {}) =>
  `default-src 'none'; script-src ${script}; connect-src 'self'`;

/** Opens the player page under these policies; [{ directive, blocked }] of what they stopped, and every address that a worker was made from. */
async function open(page, { document = pagePolicy(), worker = workerPolicy() } = {}) {
  const under = (policy) => async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": policy } });
  };
  await page.route("**/player/**", under(document));
  await page.route("**/sdk/worker.js", under(worker));
  await page.addInitScript(() => {
    window.stopped = [];
    window.blobs = 0;
    const create = URL.createObjectURL;
    URL.createObjectURL = (source) => {
      if (source instanceof Blob) window.blobs += 1;
      return create.call(URL, source);
    };
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
      window.stopped.push({ effectiveDirective, blockedURI }),
    );
  });
  await page.goto(atLevel(keyveil.playerUrl));
  return { stopped: () => page.evaluate(() => window.stopped) };
}

async function refusal(page) {
  const failure = page.locator("[data-code]").first();
  await expect(failure).toBeVisible({ timeout: 60_000 });
  const video = page.locator("keyveil-player video");
  if (await video.count()) expect(await video.evaluate((element) => element.videoWidth)).toBe(0);
  return failure.getAttribute("data-code");
}

test("plays under the strictest policies, and text gets no script past them", async ({ page }) => {
  const { stopped } = await open(page);
  const video = page.locator("keyveil-player video");
  await play(video);
  await expect.poll(() => video.evaluate((element) => element.currentTime)).toBeGreaterThan(1);
  expect(await stopped()).toEqual([]);
  // That the policies are on: what a foreign text would go through throws.
  const refused = await page.evaluate(() => {
    const attempts = {
      worker: () => new Worker("/sdk/worker.js", { type: "module" }),
      source: () => Object.assign(document.createElement("script"), { src: "/theme.js" }),
      text: () => Object.assign(document.createElement("script"), { text: "1" }),
      policy: () => window.trustedTypes.createPolicy("other", {}),
      again: () => window.trustedTypes.createPolicy("keyveil", {}),
    };
    return Object.keys(attempts).filter((name) => {
      try {
        attempts[name]();
        return false;
      } catch (thrown) {
        return thrown instanceof TypeError;
      }
    });
  });
  expect(refused).toEqual(["worker", "source", "text", "policy", "again"]);
});

test("without Trusted Types the same sinks take texts", async ({ page }) => {
  await open(page, { document: pagePolicy({ "require-trusted-types-for": null, "trusted-types": null }) });
  const taken = await page.evaluate(() => Object.assign(document.createElement("script"), { src: "/theme.js" }).src);
  expect(taken).toBe(`${keyveil.origin}/theme.js`);
});

for (const [what, changes] of [
  ["a page that allows no worker", { "worker-src": "'none'" }],
  ["a page that allows no policy of the player's", { "worker-src": "'self'", "trusted-types": "default" }],
])
  test(`worker_blocked: ${what}`, async ({ page }) => {
    const workers = [];
    page.on("worker", (worker) => workers.push(worker.url()));
    const { stopped } = await open(page, { document: pagePolicy(changes) });
    expect(await refusal(page)).toBe("worker_blocked");
    expect(await page.evaluate(() => window.blobs), "nothing in its place").toBe(0);
    expect(workers).toEqual([]);
    expect((await stopped()).length).toBeGreaterThan(0);
  });

test("wasm_unavailable: a worker whose response allows no WebAssembly", async ({ page }) => {
  await open(page, { worker: workerPolicy({ script: "'self'" }) });
  expect(await refusal(page)).toBe("wasm_unavailable");
});

test("a worker that is wrapped by one that hooks the browser's functions does not run", async ({ page }) => {
  const wrapped = (hook) => async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${hook};\n${await response.text()}` });
  };
  await page.route("**/sdk/worker.js", wrapped("const real = fetch; globalThis.fetch = (...all) => real(...all)"));
  await page.goto(atLevel(keyveil.playerUrl));
  expect(await refusal(page)).toBe("unsupported_browser");

  await page.unroute("**/sdk/worker.js");
  await page.route("**/sdk/worker.js", wrapped("globalThis.harmless = 1"));
  await page.reload();
  await play(page.locator("keyveil-player video"));
});
