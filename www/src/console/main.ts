import "../styles/base.css";
import "../styles/console.css";
import { onLanguageChange, t } from "../i18n/i18n.ts";
import { h, required } from "../shared/dom.ts";
import { type Failure, failureFrom, failureLine } from "../shared/failure.ts";
import { mountShell } from "../shell/shell.ts";
import { ApiKey, takeApiKeyFromAddress } from "./api-key.ts";
import { keyForm } from "./key-form.ts";
import { titleList, titleListPending } from "./title-list.ts";
import { listTitles, playerAddress, type Title } from "./titles.ts";

/** What the console shows; every change goes through `show`, which draws all of it. */
type View =
  | { kind: "key"; problem: () => string | null }
  | { kind: "loading" }
  | { kind: "failed"; failure: Failure }
  | { kind: "titles"; titles: readonly Title[]; next: string | null; more: "idle" | "loading" };

const content = required("#content", HTMLElement);
const toast = required("#toast", HTMLElement);
let apiKey: ApiKey | null = null;
let view: View = { kind: "key", problem: () => null };
let loading: AbortController | null = null;

mountShell("console");
onLanguageChange(draw);
window.addEventListener("hashchange", begin);
begin();

function begin(): void {
  const given = takeApiKeyFromAddress();
  if (given === "malformed") {
    show({ kind: "key", problem: () => t("console.key.malformed") });
    return;
  }
  if (given === null && apiKey !== null) return;
  const known = given ?? ApiKey.kept();
  if (known !== null) signIn(known);
  else show({ kind: "key", problem: () => null });
}

function signIn(next: ApiKey): void {
  apiKey = next;
  next.keep();
  void load(null, []);
}

function signOut(problem: () => string | null): void {
  loading?.abort();
  apiKey = null;
  ApiKey.forget();
  show({ kind: "key", problem });
}

async function load(after: string | null, before: readonly Title[]): Promise<void> {
  if (apiKey === null) return;
  loading?.abort();
  const own = new AbortController();
  loading = own;
  show(after === null ? { kind: "loading" } : { kind: "titles", titles: before, next: after, more: "loading" });
  try {
    const page = await listTitles(apiKey, after, own.signal);
    if (!own.signal.aborted)
      show({ kind: "titles", titles: [...before, ...page.titles], next: page.next, more: "idle" });
  } catch (thrown) {
    if (!own.signal.aborted) refuse(failureFrom(thrown));
  }
}

function refuse(failure: Failure): void {
  if (failure.code !== "api_key_invalid") {
    show({ kind: "failed", failure });
    return;
  }
  signOut(() => failureLine(failure));
}

async function withPlayerAddress(
  title: Title,
  button: HTMLButtonElement,
  use: (address: string) => Promise<void> | void,
): Promise<void> {
  if (apiKey === null) return;
  const label = button.textContent;
  const focused = document.activeElement === button;
  button.disabled = true;
  button.textContent = t("console.play.pending");
  try {
    await use(await playerAddress(apiKey, title.fileId));
  } catch (thrown) {
    const failure = failureFrom(thrown);
    if (failure.code === "api_key_invalid") {
      refuse(failure);
      return;
    }
    say(failureLine(failure));
  } finally {
    button.disabled = false;
    button.textContent = label;
    if (focused) button.focus();
  }
}

async function copyLink(address: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(address);
    say(t("console.copied"));
  } catch {
    say(t("console.copy.failed"));
  }
}

function show(next: View): void {
  view = next;
  draw();
}

/** Draws anew what is shown. Whoever works by keyboard goes on where they were, or from the content's beginning. */
function draw(): void {
  const focused = content.contains(document.activeElement) ? document.activeElement?.id : undefined;
  if (view.kind === "key") {
    const typed = document.querySelector<HTMLInputElement>("#api-key")?.value ?? "";
    const problem = view.problem();
    content.replaceChildren(keyForm(problem, signIn));
    const input = required("#api-key", HTMLInputElement);
    input.value = typed;
    if (focused !== undefined || problem !== null) input.focus();
    return;
  }
  content.replaceChildren(heading(), body(view));
  if (focused === undefined) return;
  const again = focused === "" ? null : document.getElementById(focused);
  (again ?? content).focus();
}

function body(shown: Exclude<View, { kind: "key" }>): HTMLElement {
  if (shown.kind === "loading") return titleListPending();
  if (shown.kind === "failed") return failed(shown.failure);
  if (shown.titles.length === 0)
    return h(
      "div",
      { class: "card notice" },
      h("h2", {}, t("console.empty")),
      h("p", { class: "soft" }, t("console.empty.text")),
    );
  const list = titleList(shown.titles, {
    play: (title, button) => void withPlayerAddress(title, button, (address) => location.assign(address)),
    copyLink: (title, button) => void withPlayerAddress(title, button, copyLink),
  });
  const foot = h(
    "div",
    { class: "foot" },
    h("span", { class: "soft" }, t("console.count", { count: shown.titles.length })),
  );
  if (shown.next !== null) {
    const busy = shown.more === "loading";
    const more = h(
      "button",
      { type: "button", class: "button", id: "more", "aria-disabled": busy ? "true" : null },
      t(busy ? "console.loading" : "console.more"),
    );
    more.addEventListener("click", () => busy || void load(shown.next, shown.titles));
    foot.append(more);
  }
  return h("div", {}, list, foot);
}

function heading(): HTMLElement {
  const refresh = h("button", { type: "button", class: "button", id: "refresh" }, t("console.refresh"));
  refresh.addEventListener("click", () => void load(null, []));
  const forget = h("button", { type: "button", class: "button quiet" }, t("console.key.forget"));
  forget.addEventListener("click", () => signOut(() => null));
  const who = h("p", { class: "soft" }, t("console.key.current", { id: apiKey?.id ?? "" }));
  return h(
    "div",
    { class: "heading" },
    h("div", {}, h("h1", {}, t("console.heading")), who),
    h("div", { class: "heading-actions" }, forget, refresh),
  );
}

function failed(failure: Failure): HTMLElement {
  const retry = h("button", { type: "button", class: "button primary", id: "retry" }, t("console.retry"));
  retry.addEventListener("click", () => void load(null, []));
  const code = h("p", { class: "mono soft" }, t("player.code", { code: failure.code }));
  if (failure.requestId !== null) code.append(` · ${t("player.requestId", { requestId: failure.requestId })}`);
  return h(
    "div",
    { class: "card notice failed", role: "alert" },
    h("h2", {}, t("console.error")),
    h("p", {}, failureLine(failure)),
    code,
    h("div", {}, retry),
  );
}

let silence = 0;

function say(text: string): void {
  toast.textContent = text;
  window.clearTimeout(silence);
  silence = window.setTimeout(() => toast.replaceChildren(), 6000);
}
