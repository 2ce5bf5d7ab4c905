import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { type AuditEntry, listAudit } from "../api/audit.ts";
import { surroundings } from "../api/call.ts";
import { AUDIT_KINDS, auditSentence, kindName } from "../audit/sentence.ts";
import { href } from "../router.ts";
import { Json } from "../ui/code.tsx";
import { CopyText } from "../ui/copy.tsx";
import { Filters, SearchFilter, SelectFilter } from "../ui/filters.tsx";
import { PageHeader } from "../ui/page-header.tsx";
import { usePages } from "../ui/pages.ts";
import { clearQuery, useQueryText } from "../ui/query.ts";
import { Empty, ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { When } from "../ui/time.tsx";
import { TitleLink } from "../ui/title-name.tsx";
import { TitlePicker } from "../ui/title-picker.tsx";

export function AuditPage() {
  const [fileId, setFileId] = useQueryText("fileId");
  const [kind, setKind] = useQueryText("kind");
  const [sessionId, setSessionId] = useQueryText("sessionId");
  const filter = { fileId, kind, sessionId };
  const pages = usePages<AuditEntry>(
    (after, signal) => listAudit(filter, after, signal),
    JSON.stringify([surroundings.appId, filter]),
  );
  const filtered = fileId !== "" || kind !== "" || sessionId !== "";
  const clear = (): void => clearQuery("fileId", "kind", "sessionId");
  const shown = pages.items.length > 0;
  return (
    <>
      <PageHeader title={t("audit.heading")} lead={t("audit.lead")} />
      <Filters clear={filtered ? clear : null}>
        <TitlePicker label={t("sessions.filter.title")} labelHidden value={fileId} change={setFileId} />
        <SearchFilter label={t("audit.filter.session")} value={sessionId} change={setSessionId} />
        <SelectFilter<string>
          label={t("audit.filter.kind")}
          value={kind}
          choices={[
            { value: "", label: t("audit.filter.all") },
            ...AUDIT_KINDS.map((value) => ({ value, label: kindName(value) })),
          ]}
          change={setKind}
        />
      </Filters>
      {pages.loading === "first" && !shown && <Skeleton rows={8} height={46} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {!shown && pages.loading === null && !pages.failure && (
        <Empty icon="audit" title={t(filtered ? "audit.none.filtered" : "audit.none")}>
          {filtered && (
            <button type="button" class="button" onClick={clear}>
              {t("ui.filter.clear")}
            </button>
          )}
        </Empty>
      )}
      {shown && (
        <ol class="audit-log" aria-busy={pages.loading === "first"}>
          {pages.items.map((entry) => (
            <Entry key={entry.seq} entry={entry} />
          ))}
        </ol>
      )}
      <LoadMore pages={pages} />
    </>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const [open, setOpen] = useState(false);
  return (
    <li data-kind={entry.kind}>
      <details class="audit-entry" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="audit-at">
            <When at={entry.at} exact />
          </span>
          <span class="audit-text">{auditSentence(entry)}</span>
          <span class="chip">{kindName(entry.kind)}</span>
        </summary>
        {open && <Particulars entry={entry} />}
      </details>
    </li>
  );
}

function Particulars({ entry: { seq, fileId, sessionId, detail, hash } }: { entry: AuditEntry }) {
  const facts: (readonly [string, ComponentChildren] | null)[] = [
    [t("audit.seq"), <span class="mono">{seq}</span>],
    fileId === null ? null : [t("sessions.title"), <TitleLink fileId={fileId} />],
    sessionId === null
      ? null
      : [
          t("audit.session"),
          <a class="mono" href={`${href("audit")}?sessionId=${encodeURIComponent(sessionId)}`}>
            {sessionId}
          </a>,
        ],
    [t("audit.hash"), <CopyText text={hash} label={t("audit.hash")} />],
  ];
  return (
    <div class="audit-detail">
      <dl class="facts-list">
        {facts
          .filter((fact) => fact !== null)
          .map(([name, content]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{content}</dd>
            </div>
          ))}
      </dl>
      <Json value={detail} label={t("audit.detail")} />
    </div>
  );
}
