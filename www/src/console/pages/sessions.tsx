import { t } from "../../i18n/console.ts";
import { clock } from "../../shared/format.ts";
import { surroundings } from "../api/call.ts";
import { listSessions, type Session, SUSPECTED_SCORE } from "../api/sessions.ts";
import { href } from "../router.ts";
import { SessionDialog, stateOf } from "../sessions/detail.tsx";
import { revoked, viewerRevoked } from "../sessions/revoke.tsx";
import { StateBadge, SuspicionBadge } from "../ui/badge.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Filters, SearchFilter, SelectFilter } from "../ui/filters.tsx";
import { Downgrade, LevelBadge } from "../ui/level.tsx";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { PageHeader } from "../ui/page-header.tsx";
import { usePages } from "../ui/pages.ts";
import { clearQuery, useQueryText } from "../ui/query.ts";
import { Empty, ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { Ago } from "../ui/time.tsx";
import { TitleLink } from "../ui/title-name.tsx";
import { TitlePicker } from "../ui/title-picker.tsx";

const ACTIVE = ["", "true", "false"] as const;
const SUSPECTED = ["", "true"] as const;

export function SessionsPage() {
  const [fileId, setFileId] = useQueryText("fileId");
  const [uid, setUid] = useQueryText("uid");
  const [kid, setKid] = useQueryText("kid");
  const [shownId, setShownId] = useQueryText("sessionId");
  const [activeText, setActive] = useQueryText("active");
  const active = ACTIVE.find((one) => one === activeText) ?? "";
  const [suspectedText, setSuspected] = useQueryText("suspected");
  const suspected = SUSPECTED.find((one) => one === suspectedText) ?? "";
  const minScore = suspected === "" ? null : SUSPECTED_SCORE;
  const filter = { fileId, uid, kid, active: active === "" ? null : active === "true", minScore };
  const pages = usePages<Session>(
    (after, signal) => listSessions(filter, after, signal),
    JSON.stringify([surroundings.appId, filter]),
  );
  const filtered = fileId !== "" || uid !== "" || kid !== "" || active !== "" || suspected !== "";
  const clear = (): void => clearQuery("fileId", "uid", "kid", "active", "suspected");
  const shown = pages.items.length > 0;
  const revoke = async (session: Session): Promise<void> => {
    if (!(await revoked(session))) return;
    const revokedAt = Math.floor(Date.now() / 1000);
    pages.update((items) =>
      items.map((one) => (one.sessionId === session.sessionId ? { ...one, active: false, revokedAt } : one)),
    );
    setShownId("");
  };
  const revokeViewer = async (uid: string): Promise<void> => {
    if (!(await viewerRevoked(uid))) return;
    pages.reload();
    setShownId("");
  };
  return (
    <>
      <PageHeader title={t("sessions.heading")} lead={t("sessions.lead")} />
      <Filters clear={filtered ? clear : null}>
        <TitlePicker label={t("sessions.filter.title")} labelHidden value={fileId} change={setFileId} />
        <SearchFilter label={t("sessions.filter.uid")} value={uid} change={setUid} />
        <SearchFilter label={t("sessions.filter.kid")} value={kid} change={setKid} />
        <SelectFilter
          label={t("sessions.filter.active")}
          value={active}
          choices={ACTIVE.map((value) => ({ value, label: t(`sessions.active.${value === "" ? "all" : value}`) }))}
          change={setActive}
        />
        <SelectFilter
          label={t("sessions.score")}
          value={suspected}
          choices={SUSPECTED.map((value) => ({
            value,
            label: t(`sessions.suspected.${value === "" ? "all" : value}`),
          }))}
          change={setSuspected}
        />
      </Filters>
      {pages.loading === "first" && !shown && <Skeleton rows={5} height={64} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {!shown && pages.loading === null && !pages.failure && <None filtered={filtered} clear={clear} />}
      {shown && (
        <DataTable
          caption={t("sessions.heading")}
          columns={columns({ show: setShownId, revoke, revokeViewer })}
          rows={pages.items}
          id={({ sessionId }) => sessionId}
          busy={pages.loading === "first"}
        />
      )}
      <LoadMore pages={pages} />
      {shownId !== "" && (
        <SessionDialog
          key={shownId}
          sessionId={shownId}
          close={() => setShownId("")}
          revoke={revoke}
          revokeViewer={revokeViewer}
        />
      )}
    </>
  );
}

function None({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  if (!filtered) return <Empty icon="sessions" title={t("sessions.none")} text={t("sessions.none.text")} />;
  return (
    <Empty icon="search" title={t("sessions.none.filtered")}>
      <button type="button" class="button" onClick={clear}>
        {t("ui.filter.clear")}
      </button>
    </Empty>
  );
}

interface Acts {
  show(sessionId: string): void;
  revoke(session: Session): void;
  revokeViewer(uid: string): void;
}

function columns(acts: Acts): Column<Session>[] {
  return [
    {
      key: "uid",
      label: t("sessions.viewer"),
      kind: "name",
      render: ({ uid, sessionId }) => (
        <div class="two-lines">
          {uid === null ? <span class="soft">{t("sessions.anonymous")}</span> : <b>{uid}</b>}
          <span class="mono soft small" title={sessionId}>
            {sessionId.slice(0, 10)}…
          </span>
        </div>
      ),
    },
    { key: "title", label: t("sessions.title"), render: ({ fileId }) => <TitleLink fileId={fileId} /> },
    {
      key: "state",
      label: t("sessions.state"),
      render: (session) => (
        <div class="two-lines">
          <StateBadge state={stateOf(session)} />
          {session.score >= SUSPECTED_SCORE && <SuspicionBadge score={session.score} />}
        </div>
      ),
    },
    {
      key: "position",
      label: t("sessions.position"),
      kind: "number",
      spare: true,
      render: ({ lastPositionMs }) => clock(lastPositionMs),
    },
    { key: "track", label: t("sessions.maxTrack"), render: ({ maxTrack }) => <span class="chip">{maxTrack}</span> },
    {
      key: "level",
      label: t("sessions.level"),
      render: (session) =>
        session.level && (
          <div class="two-lines">
            <LevelBadge level={session.level} />
            <Downgrade of={session} short />
          </div>
        ),
    },
    {
      key: "origin",
      label: t("sessions.origin"),
      spare: true,
      render: ({ origin }) => origin && <span class="small">{origin.replace(/^https?:\/\//, "")}</span>,
    },
    { key: "seen", label: t("sessions.seen"), render: ({ lastSeenAt }) => <Ago at={lastSeenAt} /> },
    { key: "expires", label: t("sessions.expires"), spare: true, render: ({ expiresAt }) => <Ago at={expiresAt} /> },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (session) => (
        <Menu label={t("ui.actions.for", { name: session.uid ?? session.sessionId })} items={entries(session, acts)} />
      ),
    },
  ];
}

function entries(session: Session, { show, revoke, revokeViewer }: Acts): readonly MenuItem[] {
  const { sessionId, fileId, active, uid } = session;
  const audit = `${href("audit")}?sessionId=${encodeURIComponent(sessionId)}`;
  return [
    { key: "detail", label: t("sessions.detail"), act: () => show(sessionId) },
    { key: "audit", label: t("sessions.audit"), href: audit },
    { key: "title", label: t("sessions.openTitle"), href: href("titles", fileId) },
    ...(uid === null
      ? []
      : [{ key: "viewer", label: t("sessions.revokeViewer"), danger: true, act: () => revokeViewer(uid) }]),
    ...(active ? [{ key: "revoke", label: t("sessions.revoke"), danger: true, act: () => revoke(session) }] : []),
  ];
}
