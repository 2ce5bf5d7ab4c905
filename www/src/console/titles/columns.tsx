import { t } from "../../i18n/console.ts";
import { bytes, clock } from "../../shared/format.ts";
import type { SortField, Title, TitleFilter } from "../api/titles.ts";
import type { Changes } from "../live/changes.ts";
import { href } from "../router.ts";
import type { Column } from "../ui/data-table.tsx";
import { Menu } from "../ui/menu.tsx";
import { Ago } from "../ui/time.tsx";
import { menuItems, nameOf } from "./actions.tsx";
import { Cover, Labels, TitleProgress } from "./progress.tsx";

type Sorting = Pick<TitleFilter, "sort"> & { change(sort: TitleFilter["sort"]): void };

export function titleColumns(changes: Changes, sorting: Sorting): readonly Column<Title>[] {
  return [
    {
      key: "name",
      label: t("titles.column.name"),
      kind: "name",
      sort: sortBy("name", sorting),
      render: (title) => (
        <div class="title-cell">
          <Cover title={title} />
          <div>
            <a class="title-link" href={href("titles", title.fileId)}>
              {nameOf(title)}
            </a>
            <span class="mono soft small">{title.fileId}</span>
          </div>
        </div>
      ),
    },
    { key: "state", label: t("titles.column.state"), render: (title) => <TitleProgress title={title} cause /> },
    {
      key: "duration",
      label: t("titles.column.duration"),
      kind: "number",
      sort: sortBy("durationMs", sorting),
      render: ({ durationMs }) => (durationMs === null ? null : clock(durationMs)),
    },
    {
      key: "size",
      label: t("titles.column.size"),
      kind: "number",
      sort: sortBy("sizeBytes", sorting),
      render: ({ sizeBytes }) => (sizeBytes === null ? null : bytes(sizeBytes)),
    },
    {
      key: "labels",
      label: t("titles.column.labels"),
      render: ({ labels }) => (labels.length === 0 ? null : <Labels labels={labels} />),
    },
    {
      key: "created",
      label: t("titles.column.created"),
      kind: "number",
      sort: sortBy("createdAt", sorting),
      render: ({ createdAt }) => <Ago at={createdAt} />,
    },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (title) => (
        <Menu label={t("ui.actions.for", { name: nameOf(title) })} items={menuItems(title, changes)} />
      ),
    },
  ];
}

/** A first click sorts names upward and all else downward: that is what one looks for first. */
function sortBy(field: SortField, { sort, change }: Sorting): NonNullable<Column<Title>["sort"]> {
  const active = sort === field ? "ascending" : sort === `-${field}` ? "descending" : null;
  const first = field === "name" ? field : (`-${field}` as const);
  const second = field === "name" ? (`-${field}` as const) : field;
  return { active, toggle: () => change(sort === first ? second : first) };
}
