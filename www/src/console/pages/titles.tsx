import { useCallback, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { readApp } from "../api/apps.ts";
import { listTitles, type Title, type TitleFilter } from "../api/titles.ts";
import { listWorkflows } from "../api/workflows.ts";
import { useChanges, useEachChange } from "../live/context.ts";
import { merged, refreshed } from "../live/merge.ts";
import { replaceQuery, usePlace } from "../router.ts";
import { account } from "../state/account.ts";
import { useStore } from "../state/store.ts";
import { titleColumns } from "../titles/columns.tsx";
import { filterQuery, isFiltered, NO_FILTER, parseFilter } from "../titles/filter.ts";
import { TitleFilterBar } from "../titles/filter-bar.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { PageHeader } from "../ui/page-header.tsx";
import { type Pages, usePages } from "../ui/pages.ts";
import { Empty, ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { useLoaded } from "../ui/task.ts";
import { DropZone } from "../uploads/drop-zone.tsx";
import { NewUploadDialog } from "../uploads/new-dialog.tsx";
import { UploadPanel } from "../uploads/panel.tsx";
import { UrlDialog } from "../uploads/url-dialog.tsx";

/** The console's home: what there is, what is under way, and the way in for more. */
export function TitlesPage() {
  const now = useStore(account);
  const appId = now.kind === "signed-in" ? (now.app?.appId ?? 0) : 0;
  const { query } = usePlace();
  const filter = parseFilter(query);
  const pages = useLiveTitles(filter);
  const making = useMaking(appId);
  const [files, setFiles] = useState<readonly File[] | null>(null);
  const [byUrl, setByUrl] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const choose = (): void => input.current?.click();
  const take = useCallback((taken: readonly File[]) => taken.length > 0 && setFiles(taken), []);
  return (
    <>
      <PageHeader
        title={t("titles.heading")}
        lead={t("titles.lead")}
        actions={
          <>
            <button type="button" class="button" onClick={() => setByUrl(true)}>
              <Icon name="link" size={16} />
              {t("uploads.byUrl")}
            </button>
            <button type="button" class="button primary" onClick={choose}>
              <Icon name="upload" size={16} />
              {t("uploads.button")}
            </button>
          </>
        }
      />
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept={making.accept}
        aria-label={t("uploads.button")}
        onChange={(event) => {
          take([...(event.currentTarget.files ?? [])]);
          // The same file again must be a change again.
          event.currentTarget.value = "";
        }}
      />
      <UploadPanel appId={appId} choose={choose} />
      <TitleFilterBar filter={filter} titles={pages.items} change={(next) => replaceQuery(filterQuery(next))} />
      <TitleList pages={pages} filter={filter} choose={choose} />
      <DropZone drop={take} />
      {files !== null && <NewUploadDialog {...making} files={files} appId={appId} close={() => setFiles(null)} />}
      {byUrl && <UrlDialog {...making} close={() => setByUrl(false)} />}
    </>
  );
}

function TitleList({ pages, filter, choose }: { pages: Pages<Title>; filter: TitleFilter; choose: () => void }) {
  const changes = useChanges();
  const { items, loading, failure } = pages;
  if (failure !== null && items.length === 0) return <ErrorState failure={failure} retry={pages.reload} />;
  if (loading === "first" && items.length === 0) return <Skeleton rows={6} height={74} />;
  if (items.length === 0 && isFiltered(filter))
    return (
      <Empty icon="search" title={t("titles.nothing")} text={t("titles.nothing.text")}>
        <button type="button" class="button" onClick={() => replaceQuery(filterQuery(NO_FILTER))}>
          {t("ui.filter.clear")}
        </button>
      </Empty>
    );
  if (items.length === 0)
    return (
      <Empty icon="film" title={t("titles.empty")} text={t("titles.empty.text")}>
        <button type="button" class="button primary" onClick={choose}>
          {t("titles.empty.action")}
        </button>
      </Empty>
    );
  const change = (sort: TitleFilter["sort"]): void => replaceQuery(filterQuery({ ...filter, sort }));
  return (
    <>
      <DataTable
        caption={t("titles.heading")}
        columns={titleColumns(changes, { sort: filter.sort, change })}
        rows={items}
        id={({ fileId }) => fileId}
        busy={loading === "first"}
      />
      <LoadMore pages={pages} />
    </>
  );
}

/** The list under a filter, kept up to date by the stream of changes. */
function useLiveTitles(filter: TitleFilter): Pages<Title> {
  const changes = useChanges();
  const pages = usePages<Title>(async (after, signal) => {
    await changes.ready;
    const page = await listTitles(filter, after, signal);
    return { ...page, items: refreshed(page.items, changes.latest) };
  }, JSON.stringify(filter));
  useEachChange((titles) => {
    const held = document.activeElement?.closest<HTMLElement>("tr[data-id]")?.dataset.id ?? null;
    // The focus would be lost with its row.
    if (titles.some(({ fileId, state }) => fileId === held && state === "deleted"))
      document.getElementById("content")?.focus();
    if (pages.loading !== "first")
      pages.update((items) => merged(items, titles, { filter, hasMore: pages.hasMore, held }));
  });
  return pages;
}

/** What an upload may choose from. Without it the application's own choice still stands. */
function useMaking(appId: number) {
  const { state } = useLoaded(async (signal) => {
    const [app, workflows] = await Promise.all([readApp(appId, signal), listWorkflows(null, signal)]);
    return { app, workflows: workflows.items };
  }, String(appId));
  const known = state.kind === "loaded" ? state.value : null;
  return {
    workflows: known?.workflows ?? [],
    defaultWorkflowId: known?.app.defaultWorkflowId ?? null,
    accept: known?.app.uploadTypes.map((type) => `.${type}`).join(",") ?? "video/*",
  };
}
