import { language, onLanguageChange, setLanguage, t, translate } from "../i18n/i18n.ts";
import { h } from "../shared/dom.ts";
import { mark } from "../shared/mark.ts";
import { setTheme, THEMES, theme } from "./theme.ts";

/** The bar of the landing page, the player and the API reference: name, navigation, language and theme. The console has its own. */
export function mountShell(here: "home" | "player" | "docs"): void {
  translate(document);
  const bar = document.createElement("header");
  bar.className = "bar";
  const draw = (): void => {
    const focused = document.activeElement?.id;
    bar.replaceChildren(brand(), ...(here === "home" ? [] : [navigation()]), languageButton(), themeButton(draw));
    if (focused?.startsWith("shell-")) document.getElementById(focused)?.focus();
  };
  draw();
  onLanguageChange(draw);
  document.body.prepend(h("a", { class: "skip", href: "#content", "data-t": "app.skip" }, t("app.skip")), bar);
}

function brand(): HTMLElement {
  const link = h("a", { class: "brand", href: "/", "aria-label": t("app.home") });
  link.append(mark(), t("app.name"));
  return link;
}

function navigation(): HTMLElement {
  return h("nav", {}, h("a", { href: "/console/" }, t("app.console")));
}

function languageButton(): HTMLElement {
  const other = language() === "en" ? "zh" : "en";
  const name = other === "zh" ? "中文" : "English";
  const button = h("button", { type: "button", class: "button quiet", id: "shell-language", lang: other }, name);
  button.addEventListener("click", () => setLanguage(other));
  return button;
}

function themeButton(draw: () => void): HTMLElement {
  const label = `${t("app.theme")}: ${t(`app.theme.${theme()}`)}`;
  const button = h("button", { type: "button", class: "button quiet", id: "shell-theme", "aria-label": label });
  button.title = label;
  button.append(themeIcon());
  button.addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? "system");
    draw();
  });
  return button;
}

/** 24 × 24, filled. */
export const THEME_ICONS = {
  system: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 2v14a7 7 0 1 1 0-14z",
  light:
    "M12 7a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM11 1h2v3.5h-2zM11 19.5h2V23h-2zM1 11h3.5v2H1zM19.5 11H23v2h-3.5zM3.5 4.9l1.4-1.4 2.5 2.5L6 7.4zM16.6 18l1.4-1.4 2.5 2.5-1.4 1.4zM3.5 19.1 6 16.6 7.4 18l-2.5 2.5zM16.6 6l2.5-2.5 1.4 1.4L18 7.4z",
  dark: "M20.5 14.6A8.6 8.6 0 0 1 9.4 3.5a8.7 8.7 0 1 0 11.1 11.1z",
};

function themeIcon(): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", THEME_ICONS[theme()]);
  path.setAttribute("fill", "currentColor");
  for (const [name, value] of [
    ["viewBox", "0 0 24 24"],
    ["width", "18"],
    ["height", "18"],
    ["aria-hidden", "true"],
  ] as const)
    svg.setAttribute(name, value);
  svg.append(path);
  return svg;
}
