import { t } from "../i18n/i18n.ts";
import { h } from "../shared/dom.ts";
import { type Failure, failureText } from "../shared/failure.ts";
import { mark } from "../shared/mark.ts";

/** What lies over the video when there is none to see. */
export type Curtain = { kind: "empty" } | { kind: "loading" } | { kind: "failed"; failure: Failure; retry: () => void };

export function curtain(shown: Curtain): HTMLElement {
  if (shown.kind === "loading") return loading();
  if (shown.kind === "failed") return failed(shown.failure, shown.retry);
  const text = h("p", {}, t("player.empty.text"));
  const box = h("div", { class: "curtain" }, h("h2", {}, t("player.empty")), text, actions(toConsole("primary")));
  box.prepend(mark());
  return box;
}

function loading(): HTMLElement {
  return h(
    "div",
    { class: "curtain", role: "status" },
    h("div", { class: "spinner", "aria-hidden": "true" }),
    h("h2", {}, t("player.loading")),
    h("p", {}, t("player.loading.text")),
  );
}

function failed(failure: Failure, retry: () => void): HTMLElement {
  const { heading, action } = failureText(failure);
  const code = h("p", { class: "code mono" }, t("player.code", { code: failure.code }));
  if (failure.requestId !== null) code.append(h("br"), t("player.requestId", { requestId: failure.requestId }));
  const again = h("button", { type: "button", class: "button" }, t("player.retry"));
  again.addEventListener("click", retry);
  const buttons = NEW_LINK.has(failure.code) ? actions(toConsole("primary")) : actions(again, toConsole(""));
  return h(
    "div",
    { class: "curtain failed", role: "alert", "data-code": failure.code },
    h("h2", {}, heading),
    h("p", {}, action),
    buttons,
    code,
  );
}

// Here the same link can only fail again.
const NEW_LINK = new Set([
  "psign_malformed",
  "psign_algorithm",
  "psign_signature",
  "psign_expired",
  "psign_other_title",
  "psign_content_type",
  "psign_used",
  "address_not_allowed",
  "address_limit",
  "session_expired",
  "signature_unavailable",
  "title_not_found",
]);

function toConsole(kind: string): HTMLElement {
  return h("a", { class: `button ${kind}`, href: "/console/" }, t("player.toConsole"));
}

function actions(...children: HTMLElement[]): HTMLElement {
  return h("div", { class: "curtain-actions" }, ...children);
}
