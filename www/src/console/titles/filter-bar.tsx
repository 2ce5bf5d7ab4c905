import { useRef } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { SORTS, type Sort, TITLE_STATES, type Title, type TitleFilter } from "../api/titles.ts";
import { Filters, MultiFilter, SearchFilter, SelectFilter } from "../ui/filters.tsx";
import { isFiltered, NO_FILTER } from "./filter.ts";

const ORDERS: readonly Sort[] = SORTS.flatMap((field) =>
  field === "name" ? ([field, `-${field}`] as const) : ([`-${field}`, field] as const),
);

interface FilterBarProps {
  readonly filter: TitleFilter;
  /** Whose labels are offered: the server has no list of labels. */
  readonly titles: readonly Title[];
  change(filter: TitleFilter): void;
}

export function TitleFilterBar({ filter, titles, change }: FilterBarProps) {
  // Once seen, a label stays on offer: else choosing one would take the others away.
  const seen = useRef(new Set<string>());
  for (const label of [...titles.flatMap(({ labels }) => labels), ...filter.labels]) seen.current.add(label);
  const labels = [...seen.current].sort((a, b) => a.localeCompare(b));
  return (
    <Filters clear={isFiltered(filter) ? () => change({ ...NO_FILTER, sort: filter.sort }) : null}>
      <SearchFilter
        label={t("titles.search")}
        value={filter.search}
        change={(search) => change({ ...filter, search })}
      />
      <MultiFilter
        label={t("titles.filter.state")}
        values={filter.states}
        choices={TITLE_STATES.map((value) => ({ value, label: t(`state.${value}`) }))}
        change={(states) => change({ ...filter, states })}
      />
      {labels.length > 0 && (
        <MultiFilter
          label={t("titles.filter.label")}
          values={filter.labels}
          choices={labels.map((value) => ({ value, label: value }))}
          change={(chosen) => change({ ...filter, labels: chosen })}
        />
      )}
      <SelectFilter
        label={t("titles.sort")}
        value={filter.sort}
        choices={ORDERS.map((value) => ({ value, label: t(`titles.sort.${value}`) }))}
        change={(sort) => change({ ...filter, sort })}
      />
    </Filters>
  );
}
