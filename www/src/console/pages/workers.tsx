import { useEffect } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { surroundings } from "../api/call.ts";
import { listWorkers, type Worker } from "../api/workers.ts";
import { DataTable } from "../ui/data-table.tsx";
import { PageHeader } from "../ui/page-header.tsx";
import { type Pages, usePages } from "../ui/pages.ts";
import { Empty, ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { columns } from "../workers/columns.tsx";
import { drainSet } from "../workers/drain.tsx";

/** Workers tell of themselves this often. */
const AGAIN_MS = 10_000;

export function WorkersPage() {
  const pages = usePages<Worker>(listWorkers, String(surroundings.appId));
  useFresh(pages);
  const shown = pages.items.length > 0;
  const setDrain = async (worker: Worker): Promise<void> => {
    const changed = await drainSet(worker);
    if (changed === null) return;
    pages.update((items) => items.map((one) => (one.workerId === changed.workerId ? changed : one)));
  };
  return (
    <>
      <PageHeader title={t("workers.heading")} lead={t("workers.lead")} />
      {pages.loading === "first" && !shown && <Skeleton rows={3} height={72} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {!shown && pages.loading === null && !pages.failure && (
        <Empty icon="workers" title={t("workers.none")} text={t("workers.none.text")} />
      )}
      {shown && (
        <DataTable
          caption={t("workers.heading")}
          columns={columns(setDrain)}
          rows={pages.items}
          id={({ workerId }) => workerId}
          busy={pages.loading === "first"}
        />
      )}
      <LoadMore pages={pages} />
    </>
  );
}

/** Asks again now and then while the page can be seen; what fails meanwhile leaves what is shown. */
function useFresh({ loading, update }: Pages<Worker>): void {
  useEffect(() => {
    if (loading !== null) return;
    const asking = new AbortController();
    const timer = window.setInterval(() => {
      if (document.hidden) return;
      listWorkers(null, asking.signal).then(
        ({ items }) => asking.signal.aborted || update(() => items),
        () => {},
      );
    }, AGAIN_MS);
    return () => {
      asking.abort();
      window.clearInterval(timer);
    };
  }, [loading, surroundings.appId]);
}
