export interface Tab {
  readonly key: string;
  readonly label: string;
  readonly href: string;
}

/** Parts of a page that have addresses of their own: links, of which one is where we are. */
export function Tabs({ label, tabs, current }: { label: string; tabs: readonly Tab[]; current: string }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ key, label: text, href }) => (
        <a key={key} class="tab" href={href} aria-current={key === current ? "page" : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}
