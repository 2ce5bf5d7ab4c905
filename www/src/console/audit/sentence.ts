import { type ConsoleKey, consoleEn, t } from "../../i18n/console.ts";
import { dateTime } from "../../shared/format.ts";
import type { AuditEntry } from "../api/audit.ts";

type KindOf<Key> = Key extends `audit.kind.${infer Kind}` ? Kind : never;
export type AuditKind = KindOf<ConsoleKey>;

/** Every kind that has a sentence: those of the server's log (key-server/src/store/audit.rs). */
export const AUDIT_KINDS: readonly AuditKind[] = Object.keys(consoleEn)
  .filter((key) => key.startsWith("audit.kind."))
  .map((key) => key.slice("audit.kind.".length) as AuditKind);

/** A kind's short name; its own when a newer server knows one that this page does not. */
export function kindName(kind: string): string {
  return isKnown(kind) ? t(`audit.kind.${kind}`) : kind;
}

/** What happened, in one sentence of the reader's language. What it does not say stands in the detail. */
export function auditSentence(entry: AuditEntry): string {
  const { kind, detail, fileId } = entry;
  if (!isKnown(kind)) return t("audit.say.other", { kind });
  const key = variant(kind, detail);
  return t(key, {
    file: fileId ?? "–",
    uid: text(detail.uid),
    by: byWords(detail.by),
    name: text(detail.name ?? detail.apiKeyId ?? detail.url ?? detail.workflowId),
    kid: text(detail.kid),
    count: text(detail.count),
    state: text(detail.state),
    build: text(detail.buildId),
    id: text(detail.id ?? detail.originId),
    user: text(detail.userId),
    event: text(detail.eventId),
    first: text(detail.first),
    last: text(detail.last),
    priority: text(detail.priority),
    score: text(detail.score),
    version: text(detail.version),
    attempt: text(detail.attempt),
    until: typeof detail.expiresAt === "number" ? dateTime(detail.expiresAt) : "–",
    position: typeof detail.positionMs === "number" ? String(Math.round(detail.positionMs / 1000)) : "–",
  });
}

/** Some kinds say more where there is more to say. */
function variant(kind: AuditKind, detail: AuditEntry["detail"]): ConsoleKey {
  const candidates = [
    typeof detail.textHash === "string" ? `audit.say.${kind}.imported` : null,
    typeof detail.uid === "string" ? `audit.say.${kind}.uid` : null,
    typeof detail.kid === "string" ? `audit.say.${kind}.kid` : null,
    isRecord(detail.by) ? `audit.say.${kind}.by` : null,
    `audit.say.${kind}`,
  ];
  return (candidates.find((key) => key !== null && key in consoleEn) ?? "audit.say.other") as ConsoleKey;
}

function byWords(by: unknown): string {
  if (!isRecord(by)) return t("audit.by.operator");
  if (typeof by.userId === "string") return t("audit.by.person", { id: by.userId });
  if (typeof by.jobId === "string") return t("audit.by.job", { id: by.jobId });
  return typeof by.apiKeyId === "string" ? t("audit.by.apiKey", { id: by.apiKeyId }) : t("audit.by.operator");
}

function isKnown(kind: string): kind is AuditKind {
  return `audit.kind.${kind}` in consoleEn;
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "–";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
