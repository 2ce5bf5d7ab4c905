import { list, type Page } from "./call.ts";

/** A row of the hash-chained log. */
export interface AuditEntry {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly fileId: string | null;
  readonly sessionId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Hex of this row's hash, which covers the row and the hash before it. */
  readonly hash: string;
}

export interface AuditFilter {
  readonly fileId: string;
  readonly kind: string;
  readonly sessionId: string;
}

export const listAudit = (filter: AuditFilter, after: string | null, signal?: AbortSignal): Promise<Page<AuditEntry>> =>
  list("audit", "/v1/audit", { query: { ...filter, after }, signal });
