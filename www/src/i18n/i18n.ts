import { choices } from "../shared/memory.ts";
import { en, type MessageKey, type Messages } from "./en.ts";
import { zh } from "./zh.ts";

export type { MessageKey } from "./en.ts";
export type Language = "en" | "zh";
export type Values = Record<string, string | number>;

/** A function that answers the text of a key in the reader's language, with `{name}` replaced by `values.name`. */
export function translator<Catalogue extends Record<string, string>>(
  catalogues: Record<Language, Catalogue>,
): (key: keyof Catalogue & string, values?: Values) => string {
  return (key, values = {}) =>
    (catalogues[current][key] as string).replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
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

/** Called after every change of language: what a module wrote by script it must write again. Answers how to stop that. */
export function onLanguageChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
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

const listeners = new Set<() => void>();
let current: Language = remembered();

const catalogues: Record<Language, Messages> = { en, zh };
/** The texts that all pages share, and the player's. */
export const t = translator(catalogues);

function remembered(): Language {
  const choice = choices.read("language");
  if (choice === "en" || choice === "zh") return choice;
  // Absent where unit tests run.
  const system = globalThis.navigator?.language ?? "en";
  return system.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function text(key: string | undefined): string {
  return key !== undefined && key in en ? t(key as MessageKey) : (key ?? "");
}
