// The installation's WebAssembly run by a program under Node with a valid signature: no page, no play speed. How fast it gets keys is
// counted against the wall time of the same run: nothing is expected to happen within a time.
import { makeClip } from "../e2e/lib/clips.mjs";
import { shared } from "../e2e/lib/shared.mjs";
import { expect, record, test } from "./lib/attacks.mjs";
import { startReplica } from "./lib/key-server.mjs";
import { packed, signed } from "./lib/packed.mjs";
import { Rehosted, rip, startModule } from "./lib/rehosted.mjs";

const SECS = 120;
const PERIOD_SECS = 2;
const PERIODS = SECS / PERIOD_SECS;
const SPEED = 50;
const WALL_MS = 6_000;
/** Play speed, and no more: docs/PACING.md. */
const STRICT = {
  KEYVEIL_PACING_MODE: "on",
  KEYVEIL_PACING_SPEED: "1",
  KEYVEIL_PACING_LOOK_AHEAD_SECS: "0",
  KEYVEIL_PACING_SEEK_ALLOWANCE_SECS: "0",
};
/** What the strict setting leaves a player beyond what it plays: four periods. */
const AHEAD_SECS = 4 * PERIOD_SECS;

const inOrder = Array.from({ length: PERIODS }, (_, period) => period);
/** Every seventh period, then those between: none follows the one before. */
const shuffled = inOrder.map((place) => (place * 7) % PERIODS);

/** Two minutes of little picture in 60 periods of one segment. */
function longTitle(keyveil) {
  const clip = shared(`keyframes/long.mp4`, (folder) =>
    makeClip(folder, "mp4", { secs: SECS, size: "160x90", name: "long", keyframeSecs: PERIOD_SECS }),
  );
  const args = ["--ladder", "copy", "--segment-secs", String(PERIOD_SECS), "--period-segments", "1"];
  return packed(keyveil, "long", clip, ...args);
}

let replicas = null;
test.beforeAll(async ({ target }) => {
  const { data } = target.keyveil;
  await startModule(target.keyveil.origin);
  const off = { KEYVEIL_PACING_MODE: "off" };
  replicas = { strict: await startReplica(data, STRICT), off: await startReplica(data, off) };
});
test.afterAll(async () => {
  await Promise.all(Object.values(replicas ?? {}).map((replica) => replica.stop()));
});

/** Opens sessions of one viewer and takes the title. */
async function attack(target, { origin, uid, periods, parallel = 1 }) {
  const { keyveil } = target;
  const fileId = longTitle(keyveil);
  const psign = await signed(keyveil, fileId, { uid });
  const periodMs = PERIOD_SECS * 1000;
  const beganMs = performance.now();
  const sessions = [];
  let answer = null;
  for (let count = 0; count < parallel; count += 1) {
    const session = new Rehosted(origin);
    const opened = await session.play(psign, fileId, periodMs);
    if (opened === null) continue;
    answer ??= opened;
    sessions.push(session);
  }
  const ripped = await rip(sessions, periods, { periodMs, speed: SPEED, wallMs: WALL_MS, beganMs });
  return { ...ripped, fileId, sessions, answer, refusals: sessions.flatMap(({ refusals }) => refusals) };
}

/** Periods beyond play speed and what may be held ahead. The server's clock has whole seconds. */
const beyond = ({ periods, elapsedMs }) =>
  Math.max(0, periods.size - Math.floor((AHEAD_SECS + elapsedMs / 1000 + 1) / PERIOD_SECS));

const KINDS = {
  "in order": { periods: inOrder },
  "out of order": { periods: shuffled },
  "four sessions at once": { periods: inOrder, parallel: 4 },
};

for (const [kind, how] of Object.entries(KINDS))
  test(`${kind} at ${SPEED} times play speed: keys come at play speed`, async ({ target }) => {
    const { strict, off } = replicas;
    const uid = `rehosted ${kind} ${Date.now()}`;
    const paced = await attack(target, { ...how, origin: strict.origin, uid });
    const free = await attack(target, { ...how, origin: off.origin, uid: `${uid} unpaced` });
    const { score, reasons } = await target.keyveil.api("GET", `/v1/sessions/${paced.answer.session.id}`);
    const secs = (run) => (run.elapsedMs / 1000).toFixed(1);
    record({
      attack: `wasm under Node, ${kind}, ${SPEED}×`,
      player: beyond(paced),
      control: beyond(free),
      figure:
        `paced: ${paced.periods.size} of ${PERIODS} periods (${PERIOD_SECS} s each) in ${secs(paced)} s, ` +
        `score ${score} (${reasons.join(", ")}); pacing off: ${free.periods.size} in ${secs(free)} s`,
    });
    expect(free.periods.size, "the control gets every key").toBe(PERIODS);
    expect(paced.periods.size, "the program works").toBeGreaterThanOrEqual(2);
    expect(beyond(paced)).toBe(0);
    expect(new Set(paced.refusals)).toEqual(new Set(["rate_limited"]));
    expect(score).toBeGreaterThan(0);
    expect(reasons.length).toBeGreaterThan(0);
  });

test("it decrypts what it has keys of, in any order, and nothing else", async ({ target }) => {
  const { keyveil } = target;
  const { sessions, answer, fileId } = await attack(target, {
    origin: replicas.off.origin,
    uid: `rehosted segments ${Date.now()}`,
    periods: [8, 4],
  });
  const [session] = sessions;
  const keys = keyveil.reveal(fileId);
  const { rendition, trackClass, playlist } = keys.title.renditions[0];
  const classNumber = ["AUDIO", "SD", "HD", "UHD"].indexOf(trackClass);
  const reference = (segment, id = fileId) => `${id}/${classNumber}/${segment}/${rendition}/${segment}`;
  const folder = new URL(playlist, answer.playlistUrl);
  const names = (await (await fetch(folder)).text()).split("\n").filter((line) => line && !line.startsWith("#"));
  const ciphertext = async (segment) => Buffer.from(await (await fetch(new URL(names[segment], folder))).arrayBuffer());
  const isMedia = (clear) => Buffer.isBuffer(clear) && /^(moof|styp|sidx|emsg)$/.test(clear.toString("latin1", 4, 8));

  const own = [];
  for (const segment of [9, 4, 8, 5]) own.push(session.decrypt(reference(segment), await ciphertext(segment)));
  const others = {
    "key_not_granted, a period that was not asked for": session.decrypt(reference(30), await ciphertext(30)),
    "key_not_granted, another title": session.decrypt(reference(4, target.fileId), await ciphertext(4)),
    "segment_damaged, cut off": session.decrypt(reference(4), (await ciphertext(4)).subarray(0, -1)),
  };
  // A suite that does not authenticate gives noise where a padding happens to come out right.
  const foreign = [];
  for (let segment = 20; segment < 28; segment += 1)
    foreign.push(session.decrypt(reference(4), await ciphertext(segment)));
  const got = [...Object.values(others), ...foreign].filter(isMedia).length;
  record({
    attack: "wasm under Node, fed segments",
    player: got,
    control: own.filter(isMedia).length,
    figure: `of its own periods, out of order: ${own.filter(isMedia).length} of ${own.length} decrypted; foreign ciphertext: ${foreign.filter((one) => one === "segment_damaged").length} of ${foreign.length} refused, the others noise`,
  });
  expect(own.every(isMedia)).toBe(true);
  for (const [wanted, code] of Object.entries(others)) expect(code, wanted).toBe(wanted.split(",")[0]);
  expect(foreign.filter(isMedia)).toEqual([]);
});
