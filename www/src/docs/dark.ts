/** The viewer is dark when its root has the class `dark-mode`; ours is the reader's choice, or the system's. */
export function followTheme(): void {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    const chosen = root.dataset.theme;
    root.classList.toggle("dark-mode", chosen === undefined ? system.matches : chosen === "dark");
  };
  apply();
  system.addEventListener("change", apply);
  new MutationObserver(apply).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
}
