import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { readTitle, type Title, type TitleDetail } from "../api/titles.ts";
import { useChanges, useEachChange } from "../live/context.ts";
import { href } from "../router.ts";
import { Details } from "../title/details.tsx";
import { Events } from "../title/events.tsx";
import { Jobs } from "../title/jobs.tsx";
import { Renditions, Versions } from "../title/media.tsx";
import { Periods } from "../title/periods.tsx";
import { Stage } from "../title/stage.tsx";
import { allowed, nameOf, perform } from "../titles/actions.tsx";
import { causeText } from "../titles/cause.ts";
import { TitleProgress } from "../titles/progress.tsx";
import { PageHeader } from "../ui/page-header.tsx";
import { Empty, ErrorState, Skeleton } from "../ui/states.tsx";
import { useLoaded } from "../ui/task.ts";

/** One title: everything about it, and everything that can be done with it. */
export function TitlePage({ id }: { id: string }) {
  const changes = useChanges();
  const [deleted, setDeleted] = useState(false);
  /** The change that the title was last read anew for. */
  const readFor = useRef(0);
  const { state, reload, replace } = useLoaded(async (signal) => {
    await changes.ready;
    return readTitle(id, signal);
  }, id);
  useEachChange((titles) => {
    const change = titles.findLast(({ fileId }) => fileId === id);
    if (change === undefined) return;
    if (change.state === "deleted") setDeleted(true);
    else if (state.kind === "loaded") follow(state.value, change);
  });
  // What changed while the title was being read may be newer than the answer.
  useLayoutEffect(() => {
    const change = changes.latest.get(id);
    if (state.kind === "loaded" && change !== undefined && change.state !== "deleted") follow(state.value, change);
  }, [state]);
  /** The stream tells what lists show; renditions and versions are read anew when there can be others. */
  const follow = (known: TitleDetail, change: Title): void => {
    if (change.changeSeq <= known.changeSeq) return;
    const others = change.version !== known.version || change.state !== known.state;
    // Once for each change, whatever the answer is.
    if (others && change.changeSeq > readFor.current) {
      readFor.current = change.changeSeq;
      reload();
    }
    replace({ ...known, ...change });
  };
  if (deleted) return <Deleted fileId={id} />;
  if (state.kind === "failed")
    return (
      <>
        <PageHeader title={id} back={{ href: href("titles"), name: t("nav.titles") }} />
        <ErrorState failure={state.failure} retry={reload} />
      </>
    );
  if (state.kind === "loading")
    return (
      <>
        <PageHeader title={id} back={{ href: href("titles"), name: t("nav.titles") }} />
        <Skeleton rows={4} height={150} />
      </>
    );
  return <Known title={state.value} replace={replace} />;
}

function Known({ title, replace }: { title: TitleDetail; replace: (title: TitleDetail) => void }) {
  return (
    <>
      <PageHeader
        title={nameOf(title)}
        back={{ href: href("titles"), name: t("nav.titles") }}
        badge={<TitleProgress title={title} />}
        actions={<Actions title={title} />}
      />
      <Failed title={title} />
      <div class="title-top">
        <Stage title={title} />
        <Details title={title} replace={replace} />
      </div>
      <div class="stack title-rest">
        <Renditions title={title} />
        <Versions title={title} />
        <Jobs title={title} />
        <div class="title-pair">
          <Periods title={title} />
          <Events title={title} />
        </div>
      </div>
    </>
  );
}

function Actions({ title }: { title: Title }) {
  const changes = useChanges();
  return (
    <>
      {allowed(title).map((action) => (
        <button
          key={action}
          type="button"
          class={`button ${action === "publish" || action === "retry" ? "primary" : ""}`}
          onClick={() => void perform(action, title, changes)}
        >
          {t(`titles.act.${action}`)}
        </button>
      ))}
    </>
  );
}

function Failed({ title }: { title: Title }) {
  if (title.failure === null) return null;
  const { heading, action } = causeText(title.failure);
  const { message } = title.failure;
  return (
    <div class="callout bad title-failed" data-code={title.failure.code}>
      <b>{heading}.</b> {action}
      {message !== action && <p class="small">{t("title.failed.server", { message })}</p>}
    </div>
  );
}

function Deleted({ fileId }: { fileId: string }) {
  // What had the focus is gone.
  useEffect(() => document.getElementById("content")?.focus(), []);
  return (
    <>
      <PageHeader title={t("title.deleted")} back={{ href: href("titles"), name: t("nav.titles") }} />
      <Empty icon="film" title={t("title.deleted")} text={t("title.deleted.text", { fileId })}>
        <a class="button" href={href("titles")}>
          {t("page.notFound.action")}
        </a>
      </Empty>
    </>
  );
}
