import { choices } from "../shared/memory.ts";
import { en, type MessageKey, type Messages } from "./en.ts";
import { zh } from "./zh.ts";

export type { MessageKey } from "./en.ts";
export type Language = "en" | "zh";

/** The text of `key` in the reader's language, with `{name}` replaced by `values.name`. */
export function t(key: MessageKey, values: Record<string, string | number> = {}): string {
  return CATALOGUES[current][key].replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
}

export function language(): Language {
  return current;
}

/** Changes the language of the whole page, and of the next ones. */
export function setLanguage(next: Language): void {
  current = next;
  choices.write("language", next);
  translate(document);
  for (const listener of listeners) listener();
}

/** Called after every change of language: what a module wrote by script it must write again. */
export function onLanguageChange(listener: () => void): void {
  listeners.add(listener);
}

/** Fills `data-t`, `data-t-label` and `data-t-placeholder` of the page's own HTML. */
export function translate(root: ParentNode): void {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  for (const element of root.querySelectorAll<HTMLElement>("[data-t]")) element.textContent = text(element.dataset.t);
  for (const element of root.querySelectorAll<HTMLElement>("[data-t-label]"))
    element.setAttribute("aria-label", text(element.dataset.tLabel));
  for (const element of root.querySelectorAll<HTMLElement>("[data-t-placeholder]"))
    element.setAttribute("placeholder", text(element.dataset.tPlaceholder));
  const title = document.documentElement.dataset.title;
  if (title !== undefined) document.title = text(title);
}

const CATALOGUES: Record<Language, Messages> = { en, zh };
const listeners = new Set<() => void>();
let current: Language = remembered();

function remembered(): Language {
  const choice = choices.read("language");
  if (choice === "en" || choice === "zh") return choice;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function text(key: string | undefined): string {
  return key !== undefined && key in en ? t(key as MessageKey) : (key ?? "");
}
