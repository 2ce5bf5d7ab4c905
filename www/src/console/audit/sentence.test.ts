import { expect, test } from "vitest";
import rust from "../../../../key-server/src/store/audit.rs?raw";
import { consoleEn, consoleZh } from "../../i18n/console.ts";
import type { AuditEntry } from "../api/audit.ts";
import { AUDIT_KINDS, auditSentence, kindName } from "./sentence.ts";

const ofServer = [...rust.matchAll(/Self::\w+ => "([a-z_]+)"/g)].map(([, kind]) => kind ?? "");
const entry = (kind: string, detail: AuditEntry["detail"] = {}, fileId: string | null = null): AuditEntry => ({
  seq: 1,
  at: 1,
  kind,
  fileId,
  sessionId: null,
  detail,
  hash: "00",
});

test("every kind of the server's log has a name and a sentence", () => {
  expect(ofServer.length).toBeGreaterThanOrEqual(15);
  for (const kind of ofServer) {
    expect(AUDIT_KINDS, kind).toContain(kind);
    expect(kindName(kind), kind).not.toBe(kind);
  }
  for (const kind of AUDIT_KINDS) {
    expect(consoleEn, kind).toHaveProperty([`audit.say.${kind}`]);
    expect(consoleZh, kind).toHaveProperty([`audit.say.${kind}`]);
    expect(auditSentence(entry(kind)), kind).not.toMatch(/[{}]/);
  }
});

test("a sentence names who and what", () => {
  const published = entry("title_published", { by: { userId: "u_ada" }, renditions: 6 }, "f1");
  expect(auditSentence(published)).toContain("f1");
  expect(auditSentence(published)).toContain("u_ada");
  expect(auditSentence(entry("sessions_revoked", { uid: "v1", count: 2 }))).toMatch(/2.*v1|v1.*2/);
  expect(auditSentence(entry("sessions_revoked", { kid: "k9", count: 2 }))).toMatch(/k9.*2/);
  expect(auditSentence(entry("session_started", { uid: null }, "f1"))).not.toContain("null");
  const suspected = entry("session_suspected", { uid: "v1", score: 62, reasons: ["seek_harvest"] }, "f1");
  expect(auditSentence(suspected)).toMatch(/v1.*f1.*62/);
  expect(auditSentence({ ...suspected, detail: { uid: null, score: 62 } })).toMatch(/^(?!.*null).*f1.*62/);
  const resent = entry("event_resent", { by: { apiKeyId: "ak_1" }, eventId: "evt_1", webhookId: "wh_1" });
  expect(auditSentence(resent)).toMatch(/evt_1.*ak_1/);
  expect(auditSentence(entry("job_changed", { by: { userId: "u_ada" }, priority: -5 }, "f1"))).toMatch(/-5.*u_ada/);
  expect(auditSentence(entry("workflow_deleted", { workflowId: "mine" }))).toContain("mine");
  expect(auditSentence(entry("log_pruned", { first: 1, last: 90, hash: "00", before: 5 }))).toMatch(/1.*90/);
  const imported = auditSentence(entry("keys_released", { textHash: "ab", released: {} }, "f1"));
  expect(imported).toContain("f1");
  expect(imported).not.toBe(auditSentence(entry("keys_released", { positionMs: 9000, released: {} }, "f1")));
});

test("a kind that is not known is named as it is", () => {
  expect(auditSentence(entry("from_the_future"))).toContain("from_the_future");
  expect(kindName("from_the_future")).toBe("from_the_future");
});
