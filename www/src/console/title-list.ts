import { t } from "../i18n/i18n.ts";
import { h } from "../shared/dom.ts";
import { clock, dateTime } from "../shared/format.ts";
import type { Title } from "./titles.ts";

export interface TitleActions {
  play(title: Title, button: HTMLButtonElement): void;
  copyLink(title: Title, button: HTMLButtonElement): void;
}

/** The titles as a table; at phone width its rows become cards (console.css). */
export function titleList(titles: readonly Title[], actions: TitleActions): HTMLElement {
  const columns = ["name", "state", "mode", "duration", "created"] as const;
  const head = h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, t(`console.${name}`))));
  head.append(h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, t("console.actions"))));
  return h(
    "table",
    { class: "titles" },
    h("caption", { class: "visually-hidden" }, t("console.heading")),
    h("thead", {}, head),
    h("tbody", {}, ...titles.map((title) => row(title, actions))),
  );
}

/** Rows of nothing while the first page is on its way, so that the page does not jump when it comes. */
export function titleListPending(): HTMLElement {
  const rows = [0, 1, 2].map(() => h("div", { class: "ghost" }));
  return h(
    "div",
    { role: "status", class: "pending" },
    h("span", { class: "visually-hidden" }, t("console.loading")),
    ...rows,
  );
}

function row(title: Title, actions: TitleActions): HTMLElement {
  const published = title.state === "published";
  const name = title.name || title.fileId;
  const label = (column: "state" | "mode" | "duration" | "created"): Record<string, string> => ({
    "data-label": t(`console.${column}`),
  });
  const play = h(
    "button",
    { type: "button", class: "button primary", disabled: !published, "aria-label": t("console.play.named", { name }) },
    t("console.play"),
  );
  const copy = h(
    "button",
    { type: "button", class: "button", disabled: !published, "aria-label": t("console.copy.named", { name }) },
    t("console.copy"),
  );
  play.addEventListener("click", () => actions.play(title, play));
  copy.addEventListener("click", () => actions.copyLink(title, copy));
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("span", { class: "name" }, name), h("span", { class: "mono id" }, title.fileId)),
    h(
      "td",
      label("state"),
      h("span", { class: published ? "chip good" : "chip warn" }, t(`console.state.${title.state}`)),
    ),
    h("td", label("mode"), t(`console.mode.${title.mode}`)),
    h("td", { ...label("duration"), class: "number" }, title.durationMs === null ? "–" : clock(title.durationMs)),
    h("td", { ...label("created"), class: "number" }, dateTime(title.createdAt)),
    h("td", {}, h("div", { class: "row-actions" }, copy, play)),
  );
}
