import { expect, test } from "vitest";
import reasons from "../../../../key-server/src/pacing/reason.rs?raw";
import events from "../../../../key-server/src/store/events.rs?raw";
import ends from "../../../../key-server/src/store/session_ends.rs?raw";
import { consoleEn, consoleZh } from "../../i18n/console.ts";
import { EVENT_TYPES } from "../api/events.ts";

const named = (rust: string): string[] =>
  [...rust.matchAll(/Self::\w+ => "([a-zA-Z.]+)"/g)].map(([, name]) => name ?? "");
const reasonNames = [...reasons.matchAll(/^ {4}([A-Z]\w+),$/gm)].map(([, name]) =>
  (name ?? "").replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
);
const hasTexts = (key: string): void => {
  expect(consoleEn).toHaveProperty([key]);
  expect(consoleZh).toHaveProperty([key]);
};

test("every end of a session that the server names has a text", () => {
  expect(named(ends)).toContain("pacing");
  for (const name of named(ends)) hasTexts(`sessions.endedBy.${name}`);
});

test("every reason for suspicion that the server names has a text", () => {
  expect(reasonNames).toContain("ahead_of_play");
  for (const name of reasonNames) hasTexts(`sessions.reason.${name}`);
});

test("every event that the server names can be chosen and has a text", () => {
  expect(named(events)).toContain("session.suspected");
  expect([...EVENT_TYPES].sort()).toEqual(named(events).sort());
  for (const name of named(events)) {
    hasTexts(`events.type.${name}`);
    hasTexts(`title.event.${name}`);
  }
});
