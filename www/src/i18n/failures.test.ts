import { expect, test } from "vitest";
import delivery from "../../../docs/DELIVERY.md?raw";
import levels from "../../../docs/LEVELS.md?raw";
import protocol from "../../../docs/PROTOCOL.md?raw";
import workflow from "../../../docs/WORKFLOW.md?raw";
import { failuresEn } from "./failures.en.ts";
import { failuresZh } from "./failures.zh.ts";

const chapter = protocol.slice(protocol.indexOf("## Error codes"));
const tables = [chapter, ...[workflow, delivery].map((document) => document.slice(document.indexOf("## Error codes")))];
const fromServer = tables.flatMap((table) => [...table.matchAll(/^\| `([a-z_]+)`/gm)].map(([, code]) => code));
/** Those that docs/LEVELS.md explains: what stops the worker, the source, or a level. */
const ofLevels = [...levels.matchAll(/`((?:level|worker|source)_[a-z_]+)`/g)].map(([, code]) => code);
const fromClient = [...chapter.slice(chapter.indexOf("Made by clients")).matchAll(/`([a-z_]+)`/g)].map(
  ([, code]) => code,
);

test("every error code of the protocol has a heading and an action in both languages", () => {
  expect(fromServer.length).toBeGreaterThan(45);
  expect(fromClient.length).toBeGreaterThan(10);
  expect(ofLevels).toEqual(expect.arrayContaining(["level_not_allowed", "worker_blocked", "source_not_opened"]));
  for (const code of [...fromServer, ...ofLevels, ...fromClient]) {
    for (const texts of [failuresEn, failuresZh]) {
      expect(texts, `${code}`).toHaveProperty([`failure.${code}`], expect.stringMatching(/.{4}/));
      expect(texts, `${code}`).toHaveProperty([`failure.${code}.action`], expect.stringMatching(/.{6}/));
    }
  }
});

test("the texts name no code that the documents lack", () => {
  const known = new Set([...fromServer, ...ofLevels, ...fromClient, "unknown"]);
  const named = Object.keys(failuresEn).map((key) => key.split(".")[1]);
  expect(named.filter((code) => !known.has(code))).toEqual([]);
});
