import "../styles/base.css";
import "swagger-ui-dist/swagger-ui.css";
import "../styles/docs.css";
import { onLanguageChange, t } from "../i18n/i18n.ts";
import { h, required } from "../shared/dom.ts";
import { mountShell } from "../shell/shell.ts";
import { followTheme } from "./dark.ts";
import { labelled } from "./labels.ts";
import { keyveilPlugin, LAYOUT } from "./plugin.ts";

const DOCUMENT = "/v1/openapi.json";

mountShell("docs");
followTheme();
const place = required("#reference", HTMLDivElement);
let shown: "waiting" | "failed" | "reference" = "waiting";
onLanguageChange(() => {
  if (shown === "failed") showFailure();
  if (shown === "waiting") showWaiting();
});
void load();

/** The document first, so that a server that does not answer is told in words; the viewer, which is large, meanwhile. */
async function load(): Promise<void> {
  showWaiting();
  const viewer = import("swagger-ui-dist/swagger-ui-es-bundle.js");
  try {
    const response = await fetch(DOCUMENT, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(String(response.status));
    const spec: unknown = await response.json();
    const { default: SwaggerUI } = await viewer;
    shown = "reference";
    const frame = h("div");
    place.replaceChildren(frame);
    labelled(frame);
    SwaggerUI({
      domNode: frame,
      spec,
      presets: [SwaggerUI.presets.apis],
      plugins: [keyveilPlugin],
      layout: LAYOUT,
      deepLinking: true,
      docExpansion: "list",
      defaultModelsExpandDepth: 0,
      filter: true,
      // To read, not to send: a page that holds API keys would be one more place to lose them from.
      supportedSubmitMethods: [],
      // Nothing leaves for a validator elsewhere.
      validatorUrl: null,
    });
  } catch {
    showFailure();
  }
}

function showWaiting(): void {
  shown = "waiting";
  place.replaceChildren(
    h("p", { class: "docs-notice", role: "status" }, h("span", { class: "spinner" }), t("docs.loading")),
  );
}

function showFailure(): void {
  shown = "failed";
  const again = h("button", { type: "button", class: "button" }, t("player.retry"));
  again.addEventListener("click", () => void load());
  place.replaceChildren(
    h(
      "div",
      { class: "docs-notice failed", role: "alert" },
      h("h2", {}, t("docs.failed")),
      h("p", {}, t("docs.failed.text")),
      again,
    ),
  );
}
