import type { ComponentChildren } from "preact";
import { t } from "../../i18n/console.ts";
import { clock, count } from "../../shared/format.ts";
import { readSession, type Session, type SessionDetail } from "../api/sessions.ts";
import { href } from "../router.ts";
import { StateBadge, type StateName } from "../ui/badge.tsx";
import { CopyText } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Downgrade, LevelBadge } from "../ui/level.tsx";
import { ErrorState, Skeleton } from "../ui/states.tsx";
import { useLoaded } from "../ui/task.ts";
import { Ago, When } from "../ui/time.tsx";
import { TitleLink } from "../ui/title-name.tsx";

interface DetailProps {
  readonly sessionId: string;
  close(): void;
  revoke(session: Session): void;
  revokeViewer(uid: string): void;
}

/** One session: who, what, how far, which keys, under which limits. */
export function SessionDialog({ sessionId, close, revoke, revokeViewer }: DetailProps) {
  const { state, reload } = useLoaded((signal) => readSession(sessionId, signal), sessionId);
  return (
    <Dialog title={t("sessions.detail")} close={close} wide>
      {state.kind === "loading" && <Skeleton rows={4} height={44} />}
      {state.kind === "failed" && <ErrorState failure={state.failure} retry={reload} />}
      {state.kind === "loaded" && (
        <>
          <Facts session={state.value} />
          <Released session={state.value} />
          <Limits limits={state.value.limits} />
          <footer class="dialog-actions">
            <a class="button" href={`${href("audit")}?sessionId=${encodeURIComponent(sessionId)}`}>
              {t("sessions.audit")}
            </a>
            {state.value.uid !== null && (
              <button type="button" class="button danger" onClick={() => revokeViewer(state.value.uid ?? "")}>
                {t("sessions.revokeViewer")}
              </button>
            )}
            {state.value.active && (
              <button type="button" class="button danger" onClick={() => revoke(state.value)}>
                {t("sessions.revoke")}
              </button>
            )}
          </footer>
        </>
      )}
    </Dialog>
  );
}

export function stateOf({ active, revokedAt }: Session): StateName {
  if (active) return "active";
  return revokedAt === null ? "ended" : "revoked";
}

function Facts({ session }: { session: SessionDetail }) {
  return (
    <dl class="facts-list">
      <Fact name={t("sessions.state")}>
        <StateBadge state={stateOf(session)} />
        {session.endedBy && <span class="soft"> {t(`sessions.endedBy.${session.endedBy}`)}</span>}
      </Fact>
      {session.reasons.length > 0 && (
        <Fact name={t("sessions.score")}>
          {t("sessions.score.of", { score: session.score })}
          <span class="soft">
            {" "}
            {session.reasons.map((reason) => t(`sessions.reason.${reason}`)).join(t("sessions.reason.and"))}
          </span>
        </Fact>
      )}
      <Fact name={t("sessions.viewer")}>{session.uid ?? <span class="soft">{t("sessions.anonymous")}</span>}</Fact>
      {session.us && <Fact name={t("sessions.us")}>{session.us}</Fact>}
      <Fact name={t("sessions.title")}>
        <TitleLink fileId={session.fileId} />
      </Fact>
      <Fact name={t("sessions.mode")}>{t(`mode.${session.mode}`)}</Fact>
      {session.level && (
        <Fact name={t("sessions.level")}>
          <LevelBadge level={session.level} /> <Downgrade of={session} />
        </Fact>
      )}
      <Fact name={t("sessions.position")}>{clock(session.lastPositionMs)}</Fact>
      <Fact name={t("sessions.maxTrack")}>
        <span class="chip">{session.maxTrack}</span>
      </Fact>
      {session.origin && <Fact name={t("sessions.origin")}>{session.origin}</Fact>}
      <Fact name={t("sessions.network")}>{session.addresses.join(", ") || session.ipClass || t("ui.none")}</Fact>
      <Fact name={t("sessions.kid")}>
        <span class="mono">{session.kid}</span>
      </Fact>
      <Fact name={t("sessions.opened")}>
        <When at={session.createdAt} />
      </Fact>
      <Fact name={t("sessions.seen")}>
        <Ago at={session.lastSeenAt} />
      </Fact>
      <Fact name={t("sessions.expires")}>
        <When at={session.expiresAt} />
      </Fact>
      <Fact name={t("sessions.id")}>
        <CopyText text={session.sessionId} label={t("sessions.id")} />
      </Fact>
    </dl>
  );
}

function Released({ session: { periodsReleased, releases } }: { session: SessionDetail }) {
  return (
    <section aria-labelledby="session-released">
      <h3 id="session-released">{t("sessions.released")}</h3>
      <p class="soft small">{t("sessions.released.lead", { count: count(releases) })}</p>
      {periodsReleased.length > 0 && (
        <dl class="facts-list">
          {periodsReleased.map(({ trackClass, periods }) => (
            <Fact key={trackClass} name={t(`title.periods.class.${trackClass}`)}>
              {periods.map(periodWords).join(", ")}
            </Fact>
          ))}
        </dl>
      )}
    </section>
  );
}

/** Counted from one, as the player page counts them. */
export function periodWords([first, last]: readonly [number, number]): string {
  return first === last ? String(first + 1) : `${first + 1}–${last + 1}`;
}

function Limits({ limits }: { limits: SessionDetail["limits"] }) {
  const domains = limits.domains.map((list) => list.join(", "));
  const facts: readonly (readonly [string, string | null])[] = [
    [
      t("sessions.limit.preview"),
      limits.previewSegments === null ? null : t("workflows.period.of", { count: limits.previewSegments }),
    ],
    [t("sessions.limit.ip"), limits.ip.join(", ") || null],
    [t("sessions.limit.rlimit"), limits.rlimit ? String(limits.rlimit) : null],
    [t("sessions.limit.domains"), domains.join(" · ") || null],
    [t("sessions.limit.once"), limits.once ? t("sessions.limit.yes") : null],
    [t("sessions.limit.sessions"), limits.sessions === null ? null : String(limits.sessions)],
  ];
  const set = facts.filter(([, value]) => value !== null);
  return (
    <section aria-labelledby="session-limits">
      <h3 id="session-limits">{t("sessions.limits")}</h3>
      {set.length === 0 && <p class="soft small">{t("sessions.limits.none")}</p>}
      {set.length > 0 && (
        <dl class="facts-list">
          {set.map(([name, value]) => (
            <Fact key={name} name={name}>
              {value}
            </Fact>
          ))}
        </dl>
      )}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
