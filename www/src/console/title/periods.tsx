import { t } from "../../i18n/console.ts";
import { count } from "../../shared/format.ts";
import { listPeriods, type PeriodRelease, type Title, type TrackClass } from "../api/titles.ts";
import { DataTable } from "../ui/data-table.tsx";
import { usePages } from "../ui/pages.ts";
import { ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { Ago } from "../ui/time.tsx";

const CLASSES: readonly TrackClass[] = ["AUDIO", "SD", "HD", "UHD"];

/** How often the keys of each period were released: shows what is watched, and who takes more than they can watch. */
export function Periods({ title }: { title: Title }) {
  const { fileId, version, mode } = title;
  const pages = usePages((_, signal) => listPeriods(fileId, signal), `${fileId} ${version}`);
  return (
    <section class="card" aria-labelledby="periods-heading">
      <header class="card-header">
        <h2 id="periods-heading">{t("title.periods")}</h2>
      </header>
      {mode === "clear" ? (
        <p class="soft">{t("title.periods.clear")}</p>
      ) : pages.items.length > 0 ? (
        <>
          <p class="soft small">{t("title.periods.lead")}</p>
          {CLASSES.map((trackClass) => (
            <ClassReleases
              key={trackClass}
              trackClass={trackClass}
              releases={pages.items.filter((release) => release.trackClass === trackClass)}
            />
          ))}
          {pages.hasMore && <LoadMore pages={pages} />}
        </>
      ) : pages.failure !== null ? (
        <ErrorState failure={pages.failure} retry={pages.reload} />
      ) : pages.loading !== null ? (
        <Skeleton rows={3} height={36} />
      ) : (
        <p class="soft">{t("title.periods.none")}</p>
      )}
    </section>
  );
}

function ClassReleases({ trackClass, releases }: { trackClass: TrackClass; releases: readonly PeriodRelease[] }) {
  if (releases.length === 0) return null;
  const most = Math.max(...releases.map((release) => release.count));
  const all = releases.reduce((sum, release) => sum + release.count, 0);
  const name = t(`title.periods.class.${trackClass}`);
  return (
    <div class="releases">
      <h3>{name}</h3>
      <span class="soft small">{t("title.periods.summary", { releases: count(all), periods: releases.length })}</span>
      {/* The table below says the same in numbers. */}
      <div class="bars" aria-hidden="true">
        {releases.map((release) => (
          <i key={release.period} style={{ height: `${Math.max(6, (release.count / most) * 100)}%` }} />
        ))}
      </div>
      <details>
        <summary>{t("title.periods.show")}</summary>
        <DataTable
          caption={name}
          rows={releases}
          id={({ period }) => String(period)}
          columns={[
            { key: "period", label: t("title.periods.period"), kind: "number", render: ({ period }) => count(period) },
            {
              key: "count",
              label: t("title.periods.count"),
              kind: "number",
              render: (release) => count(release.count),
            },
            {
              key: "first",
              label: t("title.periods.first"),
              kind: "number",
              render: ({ firstAt }) => <Ago at={firstAt} />,
            },
            {
              key: "last",
              label: t("title.periods.last"),
              kind: "number",
              render: ({ lastAt }) => <Ago at={lastAt} />,
            },
          ]}
        />
      </details>
    </div>
  );
}
