// The checks of the fault runs find what they are there for.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { grantsAudited, jobsDone } from "./lib/checks.mjs";
import { patiently, Refused } from "./lib/patience.mjs";

const started = (sessionId) => ({ kind: "session_started", sessionId, detail: {} });
const released = (sessionId, counter) => ({ kind: "keys_released", sessionId, detail: { counter } });
const ROWS = [started("a"), released("a", 1), released("a", 2), started("b")];

describe("grants and the audit log", () => {
  test("each grant has its row, and rows may be more than grants", () => {
    const grants = [
      { session: "a", counter: 0 },
      { session: "a", counter: 2 },
    ];
    assert.deepEqual(grantsAudited(ROWS, grants), []);
  });

  test("a grant without a row is named, of whichever kind it is", () => {
    for (const [session, counter] of [
      ["a", 3],
      ["b", 1],
      ["c", 0],
    ]) {
      assert.match(
        grantsAudited(ROWS, [{ session, counter }]).join(),
        new RegExp(`no row tells of: ${session} ${counter}`),
      );
    }
  });

  test("keys that were released twice under one counter are named", () => {
    assert.match(grantsAudited([...ROWS, released("a", 2)], []).join(), /a 2 was logged 2 times/);
  });
});

describe("jobs", () => {
  const title = { fileId: "film", state: "published" };
  const api = (jobs, commits) => ({
    all: async (path) => (path.startsWith("/v1/jobs") ? jobs : Array(commits).fill({})),
  });
  const done = { state: "done" };

  test("one job, done, committed once", async () => {
    assert.deepEqual(await jobsDone({ api: api([done], 1), titles: [title] }), []);
  });

  test("a lost job, a second one, a second commit and a failed title are named", async () => {
    for (const [jobs, commits, state] of [
      [[], 1, "published"],
      [[done, done], 1, "published"],
      [[{ state: "queued" }], 1, "published"],
      [[done], 2, "published"],
      [[done], 0, "published"],
      [[done], 1, "failed"],
    ]) {
      const wrong = await jobsDone({ api: api(jobs, commits), titles: [{ ...title, state }] });
      assert.equal(wrong.length, 1, JSON.stringify([jobs, commits, state]));
    }
  });
});

describe("a player's patience", () => {
  test("what is refused for good is not asked for again", async () => {
    let asked = 0;
    const load = async () => {
      asked += 1;
      throw new Refused("/v1/keys", 403, '{"error":{"code":"track_not_allowed"}}', 1);
    };
    await assert.rejects(patiently(load), /track_not_allowed/);
    assert.equal(asked, 1);
  });

  test("what fails by accident is", async () => {
    let asked = 0;
    const load = async () => {
      asked += 1;
      if (asked < 2) throw new Refused("/v1/keys", 502, "<html>", 1);
      return "keys";
    };
    assert.equal(await patiently(load), "keys");
  });
});
