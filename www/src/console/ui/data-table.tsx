import type { ComponentChildren } from "preact";
import { Icon } from "./icon.tsx";

export interface Column<Row> {
  readonly key: string;
  readonly label: string;
  /** `name` is the row's heading, `number` stands right in tabular figures, `actions` shows no heading. */
  readonly kind?: "name" | "number" | "actions";
  /** Shown where there is room for all columns, and in cards. */
  readonly spare?: boolean;
  /** Its heading sorts. */
  readonly sort?: { readonly active: "ascending" | "descending" | null; toggle(): void };
  render(row: Row): ComponentChildren;
}

interface DataTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  id(row: Row): string;
  /** While newer rows are on their way. */
  readonly busy?: boolean;
}

/** A table; where there is no room for one its rows become cards. */
export function DataTable<Row>({ caption, columns, rows, id, busy = false }: DataTableProps<Row>) {
  return (
    <table class="data" aria-busy={busy}>
      <caption class="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <Heading key={column.key} column={column} />
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={id(row)} data-id={id(row)}>
            {columns.map((column) => (
              <Cell key={column.key} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Heading<Row>({ column }: { column: Column<Row> }) {
  const { kind, label, sort } = column;
  const looks = classes(column);
  if (kind === "actions")
    return (
      <th scope="col">
        <span class="visually-hidden">{label}</span>
      </th>
    );
  if (sort === undefined)
    return (
      <th scope="col" class={looks}>
        {label}
      </th>
    );
  return (
    <th scope="col" class={looks} aria-sort={sort.active ?? "none"}>
      <button type="button" class="sort" onClick={sort.toggle}>
        {label}
        <Icon name="chevron" size={14} />
      </button>
    </th>
  );
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const content = column.render(row);
  if (column.kind === "name")
    return (
      <th scope="row" class="name">
        {content}
      </th>
    );
  const empty = content === null || content === undefined || content === false;
  return (
    <td
      class={`${classes(column)} ${empty ? "empty" : ""}`}
      data-label={column.kind === "actions" ? null : column.label}
    >
      <div class="cell">{content}</div>
    </td>
  );
}

function classes<Row>({ kind, spare = false }: Column<Row>): string {
  return [kind, spare && "spare"].filter(Boolean).join(" ");
}
