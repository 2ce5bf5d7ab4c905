// A server key that is not the one pinned: a man in the middle answers with envelopes of his own making. He is given all but the
// server's private key, so that nothing else stands in his way.
import { closeContext } from "../e2e/lib/test.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { altered, forged, ownSender, serverSender, standBetween } from "./lib/middle.mjs";

/** Behind the periods of the first grant, which end at 16 s. */
const LATER_SECS = 20;

/** { name: [what he answers, the code that the player must say, nothing where it must play] }. */
const answers = (keys, replayed) => ({
  "own key under the pinned id": [
    (request, answer) => forged(keys, request, answer, { sender: ownSender() }),
    "envelope_rejected",
  ],
  "own key under an id of his own": [
    (request, answer) => forged(keys, request, answer, { sender: ownSender(), serverKeyId: "another" }),
    "server_key_unknown",
  ],
  "replayed envelope": [() => replayed, "envelope_rejected"],
  "altered envelope": [(_request, answer) => altered(answer.grant), "envelope_rejected"],
  "unaltered (control)": [(_request, answer) => answer.grant, null],
  "made with the server's key (control)": [
    (request, answer) => forged(keys, request, answer, { sender: serverSender(keys, answer.grant.serverKeyId) }),
    null,
  ],
});

/** What the page came to: { code, media, secs }, where `secs` is how much was buffered from `from` on. */
async function outcome(browser, target, path, change, from) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    let media = 0;
    let exchanges = 0;
    await standBetween(context, path, (request, answer) => {
      exchanges += 1;
      return change(request, answer);
    });
    context.on("request", (request) => {
      if (new URL(request.url()).pathname.startsWith("/media/")) media += 1;
    });
    await page.goto(target.playerUrl());
    const video = page.locator("keyveil-player video");
    const failure = page.locator("[data-code]").first();
    const code = async () => ((await failure.count()) > 0 ? failure.getAttribute("data-code") : null);
    const buffered = () => video.evaluate(bufferedFrom, from).catch(() => 0);
    const ready = () => video.evaluate((element) => element.readyState).catch(() => 0);
    if (from > 0) {
      await expect.poll(ready, { timeout: 60_000 }).toBeGreaterThan(1);
      await video.evaluate((element, secs) => {
        element.currentTime = secs;
      }, from);
    }
    const settled = async () => (await code()) !== null || (await buffered()) > 1;
    await expect.poll(settled, { timeout: 60_000, message: "it plays, or says why not" }).toBe(true);
    return { code: await code(), media, secs: await buffered(), exchanges };
  } finally {
    await closeContext(context);
  }
}

function bufferedFrom(element, from) {
  let secs = 0;
  for (let at = 0; at < element.buffered.length; at += 1)
    secs += Math.max(0, element.buffered.end(at) - Math.max(from, element.buffered.start(at)));
  return secs;
}

/** An envelope of another exchange of the same title. */
async function captured(browser, target, path, from) {
  let envelope = null;
  const keep = (_request, answer) => {
    envelope ??= answer.grant;
    return answer.grant;
  };
  await outcome(browser, target, path, keep, from);
  return envelope;
}

for (const [path, from] of [
  ["/v1/play", 0],
  ["/v1/keys", LATER_SECS],
])
  test(`${path}: no envelope but the server's gives a key`, async ({ browser, target }) => {
    const replayed = await captured(browser, target, path, from);
    const tries = Object.entries(answers(target.keys, replayed)).map(async ([name, [change, wanted]]) => ({
      name,
      wanted,
      ...(await outcome(browser, target, path, change, from)),
    }));
    const got = await Promise.all(tries);
    const attacks = got.filter(({ wanted }) => wanted !== null);
    const controls = got.filter(({ wanted }) => wanted === null);
    // Before the first grant the player has no address of any media; later, ciphertext is on its way while the keys are asked for.
    const fell = ({ media, secs }) => secs > 0 || (from === 0 && media > 0);
    record({
      attack: `man in the middle at ${path}`,
      player: attacks.filter(fell).length,
      control: controls.filter(({ secs }) => secs > 0).length,
      figure: got
        .map(
          ({ name, code, media, secs }) =>
            `${name}: ${code ?? "plays"}, ${Math.round(secs)} s, ${media} media requests`,
        )
        .join("; "),
    });
    for (const { name, wanted, code, secs, media, exchanges } of got) {
      expect([name, code], "says why").toEqual([name, wanted]);
      expect(exchanges, `${name}: he was asked`).toBeGreaterThan(0);
      if (wanted === null) expect(secs, `${name}: plays`).toBeGreaterThan(0);
      else
        expect({ name, secs, ...(from === 0 && { media }) }).toEqual({
          name,
          secs: 0,
          ...(from === 0 && { media: 0 }),
        });
    }
  });
