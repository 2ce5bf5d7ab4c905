import { expect, test } from "vitest";
import rust from "../../../../protocol/src/workflow.rs?raw";
import { consoleEn } from "../../i18n/console.ts";
import { checkDraft, LIMITS, serverProblem } from "./check.ts";
import { ADAPTIVE, draftOf, settingsOf, type WorkflowDraft } from "./draft.ts";

const good = draftOf({ workflowId: "", name: "Lectures", settings: ADAPTIVE });
const wrong = (change: Partial<WorkflowDraft>): string[] => [...checkDraft({ ...good, ...change }).keys()];
const rung = (edge: string, kilobits = "1000", key = 0) => ({ key, edge, kilobits });

test("settings survive the form unchanged", () => {
  expect(wrong({})).toEqual([]);
  expect(settingsOf(good)).toEqual(ADAPTIVE);
  const other = {
    ...ADAPTIVE,
    ladder: { kind: "rungs", rungs: [{ edge: 360, videoBitRate: 500_500 }] },
    mode: "clear",
    cipher: null,
    cover: { kind: "at", positionMs: 1_250 },
    sprites: null,
  } as const;
  expect(settingsOf(draftOf({ workflowId: "x", name: "x", settings: other }))).toEqual(other);
  const standard = { ...ADAPTIVE, mode: "standard", clearLeadSecs: 12 } as const;
  expect(settingsOf(draftOf({ workflowId: "x", name: "x", settings: standard }))).toEqual(standard);
  const authenticated = { ...ADAPTIVE, cipher: "chacha20-poly1305" } as const;
  expect(settingsOf(draftOf({ workflowId: "x", name: "x", settings: authenticated }))).toEqual(authenticated);
  const { clearLeadSecs: _, ...ofOlderServer } = ADAPTIVE;
  expect(settingsOf(draftOf({ workflowId: "x", name: "x", settings: ofOlderServer }))).toEqual(ADAPTIVE);
});

test("each limit is held at both ends", () => {
  const held: [keyof WorkflowDraft, string, readonly [number, number], number][] = [
    ["segmentSecs", "segmentSecs", LIMITS.segmentSecs, 1],
    ["periodSegments", "periodSegments", LIMITS.periodSegments, 1],
    ["clearLeadSecs", "clearLeadSecs", LIMITS.clearLeadSecs, 1],
    ["audioKilobits", "audioBitRate", LIMITS.audioBitRate, 1000],
    ["spriteSecs", "sprites.everySecs", LIMITS.spriteSecs, 1],
    ["spriteWidth", "sprites.width", LIMITS.spriteEdge, 1],
    ["spriteHeight", "sprites.height", LIMITS.spriteEdge, 1],
  ];
  for (const [name, field, [min, max], unit] of held) {
    for (const fits of [min, max]) expect(wrong({ [name]: String(fits / unit) }), `${name} ${fits}`).toEqual([]);
    for (const not of [min / unit - 1, max / unit + 1, "", "1e2", "x"])
      expect(wrong({ [name]: String(not) }), `${name} ${not}`).toEqual([field]);
  }
});

test("an edge is even and within its limits", () => {
  for (const fits of ["", "16", "1080", "4320"]) expect(wrong({ maxEdge: fits }), fits).toEqual([]);
  for (const not of ["15", "721", "4322", "0", "-2"]) expect(wrong({ maxEdge: not }), not).toEqual(["ladder.maxEdge"]);
});

test("a ladder has 1 to 12 rungs, each edge once", () => {
  const ladder = (...rungs: ReturnType<typeof rung>[]) => wrong({ ladder: "rungs", rungs });
  expect(ladder(rung("720"), rung("480"))).toEqual([]);
  expect(ladder()).toEqual(["ladder.rungs"]);
  expect(ladder(...Array.from({ length: 13 }, (_, n) => rung(String(100 + 2 * n))))).toEqual(["ladder.rungs"]);
  expect(ladder(rung("720"), rung("720"))).toEqual(["ladder.rungs.1.edge"]);
  expect(ladder(rung("720", "49"))).toEqual(["ladder.rungs.0.videoBitRate"]);
  expect(ladder(rung("721"))).toEqual(["ladder.rungs.0.edge"]);
});

test("what is hidden is not checked", () => {
  expect(wrong({ mode: "clear", clearLeadSecs: "x" })).toEqual([]);
  expect(settingsOf({ ...good, mode: "clear", clearLeadSecs: "12" })).toMatchObject({ cipher: null, clearLeadSecs: 0 });
  const draft = { ...good, cipher: "chacha20-poly1305" } as const;
  expect(settingsOf({ ...draft, mode: "standard" })).toMatchObject({ cipher: "aes-128-cbc" });
  expect(settingsOf({ ...draft, mode: "clear" })).toMatchObject({ cipher: null });
  expect(
    wrong({ sprites: "off", spriteSecs: "0", cover: "best", coverSecs: "x", ladder: "copy", maxEdge: "1" }),
  ).toEqual([]);
  expect(wrong({ cover: "at", coverSecs: "x" })).toEqual(["cover.positionMs"]);
});

test("a name is needed, an id is plain", () => {
  expect(wrong({ name: "  " })).toEqual(["name"]);
  expect(wrong({ workflowId: "no spaces" })).toEqual(["workflowId"]);
});

test("the server's word is put to its field", () => {
  const fields = ["name", "ladder.rungs", "ladder.maxEdge", "segmentSecs", "sprites.width"];
  expect(serverProblem("segmentSecs: 1 to 60", fields)).toEqual({ field: "segmentSecs", text: "1 to 60" });
  expect(serverProblem("ladder.rungs.edge: an even number", fields)?.field).toBe("ladder.rungs");
  expect(serverProblem("sprites.width and height: 16 to 640", fields)?.field).toBe("sprites.width");
  expect(serverProblem("settings.segmentSecs: 1 to 60", fields)?.field).toBe("segmentSecs");
  expect(serverProblem("something else", fields)).toBeNull();
  expect(serverProblem(null, fields)).toBeNull();
});

test("the limits are those of the protocol", () => {
  const range = ([min, max]: readonly [number, number]): string => `(${min}..=${max})`;
  const plain = rust.replaceAll("_", "");
  for (const name of ["edge", "videoBitRate", "audioBitRate", "segmentSecs", "spriteSecs", "spriteEdge"] as const)
    expect(plain, name).toContain(range(LIMITS[name]));
  expect(rust).toContain(`CLEAR_LEAD_SECS_MAX: u32 = ${LIMITS.clearLeadSecs[1]}`);
  expect(rust).toContain(`RUNGS_MAX: usize = ${LIMITS.rungs[1]}`);
});

test("every problem has a text", () => {
  const all = checkDraft({ ...good, name: "", workflowId: "?", maxEdge: "1", segmentSecs: "", audioKilobits: "x" });
  for (const { key } of all.values()) expect(consoleEn[key]).toBeTruthy();
  expect(all.size).toBe(5);
});
