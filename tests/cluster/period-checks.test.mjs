// The checks of a simulated period find what they are there for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mismatches } from "./lib/period-checks.mjs";

const whole = () => ({
  opening: { opened: 200 },
  period: {
    asked: 200,
    answered: 200,
    refused: {},
    lost: 0,
    grantsOpened: 2,
    grantsUnreadable: 0,
    residentKib: [9, 9],
  },
  rows: {
    sessions: 200,
    releasedTwice: 200,
    askedInAudit: 200,
    audit: { session_started: 200, keys_released: 200, app_created: 1 },
  },
  chain: { holds: true, said: "the chain holds" },
});

test("a period in which each session got its keys, once, has nothing wrong", () => {
  assert.deepEqual(mismatches(200, whole()), []);
});

for (const [what, change, said] of [
  ["sessions that are fewer", ({ opening }) => (opening.opened = 199), "sessions that were opened: 199 instead of 200"],
  ["sessions that did not ask", ({ period }) => (period.asked = 199), "sessions that asked: 199 instead of 200"],
  ["an answer too few", ({ period }) => (period.answered = 199), "requests that were answered: 199 instead of 200"],
  ["a refusal", ({ period }) => (period.refused.rate_limited = 1), "1 were refused: rate_limited"],
  ["a server that is gone", ({ period }) => (period.residentKib[1] = null), "a server is gone"],
  ["a lost request", ({ period }) => (period.lost = 1), "requests that were lost: 1 instead of 0"],
  [
    "a grant that does not open",
    ({ period }) => (period.grantsUnreadable = 1),
    "grants that do not open, or hold other keys: 1 instead of 0",
  ],
  ["grants that nobody opened", ({ period }) => (period.grantsOpened = 0), "no grant was looked into"],
  ["a row too few in sessions", ({ rows }) => (rows.sessions = 199), "rows in sessions: 199 instead of 200"],
  [
    "a release too many",
    ({ rows }) => (rows.releasedTwice = 199),
    "sessions that count two releases: 199 instead of 200",
  ],
  [
    "a session in the place of another",
    ({ rows }) => (rows.askedInAudit = 199),
    "sessions with a release of keys in the audit log: 199 instead of 200",
  ],
  [
    "an opening that has no row",
    ({ rows }) => (rows.audit.session_started = 199),
    "openings in the audit log: 199 instead of 200",
  ],
  [
    "a release that has two rows",
    ({ rows }) => (rows.audit.keys_released = 201),
    "releases of keys in the audit log: 201 instead of 200",
  ],
  [
    "releases that have no row",
    ({ rows }) => delete rows.audit.keys_released,
    "releases of keys in the audit log: 0 instead of 200",
  ],
  ["a suspicion", ({ rows }) => (rows.audit.session_suspected = 1), "sessions that were suspected: 1 instead of 0"],
  [
    "a chain that is broken",
    ({ chain }) => Object.assign(chain, { holds: false, said: "row 7 was altered" }),
    "the audit log does not hold: row 7 was altered",
  ],
]) {
  test(`${what} is told, and nothing else`, () => {
    const told = whole();
    change(told);
    assert.deepEqual(mismatches(200, told), [said]);
  });
}
