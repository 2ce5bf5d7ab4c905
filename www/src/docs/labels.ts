/**
 * What the viewer leaves out for screen readers, put in as it draws: a name for each list of choices, taken from the parameter or the
 * heading it stands beside.
 */
export function labelled(frame: HTMLElement): void {
  const label = (): void => {
    for (const select of frame.querySelectorAll("select:not([aria-label])"))
      select.setAttribute("aria-label", nameBeside(select));
    // The page has a `main` of its own.
    for (const inner of frame.querySelectorAll("main:not([role])")) inner.setAttribute("role", "group");
  };
  new MutationObserver(label).observe(frame, { childList: true, subtree: true });
}

function nameBeside(select: Element): string {
  const row = select.closest("tr, .opblock-section-header, .responses-inner, .servers");
  return row?.getAttribute("data-param-name") ?? row?.querySelector("label, h4, .parameter__name")?.textContent ?? "–";
}
