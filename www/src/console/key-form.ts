import { t } from "../i18n/i18n.ts";
import { h } from "../shared/dom.ts";
import { ApiKey } from "./api-key.ts";

/** Asks for an API key. `problem` is what was wrong with the last one. */
export function keyForm(problem: string | null, accept: (apiKey: ApiKey) => void): HTMLElement {
  const input = h("input", {
    id: "api-key",
    name: "api-key",
    type: "password",
    class: "mono",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 160,
    placeholder: t("console.key.placeholder"),
    "aria-describedby": "api-key-problem",
    "aria-invalid": problem === null ? null : "true",
    required: true,
  });
  const line = h("p", { class: "problem", id: "api-key-problem", role: "alert" }, problem ?? "");
  const submit = h("button", { type: "submit", class: "button primary" }, t("console.key.submit"));
  const form = h(
    "form",
    { class: "card key-form", novalidate: true },
    h("h1", {}, t("console.key.heading")),
    h("p", { class: "soft" }, t("console.key.text")),
    h("label", { for: "api-key" }, t("console.key")),
    input,
    line,
    submit,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const apiKey = ApiKey.parse(input.value);
    if (apiKey !== null) {
      accept(apiKey);
      return;
    }
    line.textContent = t("console.key.malformed");
    input.setAttribute("aria-invalid", "true");
    input.focus();
  });
  return form;
}
