const PATHS = {
  titles: "M4 5h16v11H4zM8 20h8M10 8.5v4l3.5-2z",
  workflows:
    "M6 4v10a3 3 0 0 0 3 3h9M6 8h9a3 3 0 0 1 3 3v0M6 2.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3M18 15.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3",
  workers: "M4 4.5h16v6H4zM4 13.5h16v6H4zM7.5 7.5v.01M7.5 16.5v.01M11 7.5h5.5M11 16.5h5.5",
  sessions: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0",
  events: "M6 16v-5a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5h4",
  signatures: "M4 19.5h16M5 15l9.5-9.5 3 3L8 18H5z",
  keys: "M8 11.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 13l8-8M16 8l2.5 2.5M13.5 10.5l1.5 1.5",
  audit: "M6 3.5h9l4 4v13H6zM9.5 12h6M9.5 16h6M9.5 8h2.5",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M14 7a2 2 0 1 0 4 0 2 2 0 0 0-4 0zM6 17a2 2 0 1 0 4 0 2 2 0 0 0-4 0z",
  docs: "M5 4.5h6a2 2 0 0 1 2 2v13a2 2 0 0 0-2-1.5H5zM19 4.5h-4a2 2 0 0 0-2 2",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6 6 18",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
  upload: "M12 15.5v-11M7.5 8.5 12 4l4.5 4.5M4.5 16v3.5h15V16",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  play: "M7.5 4.5v15l12-7.5z",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.300-5.400M19.5 3.5v4h-4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  chevron: "M7 10l5 5 5-5",
  back: "M14 6l-6 6 6 6",
  copy: "M9 9h10v11H9zM15 9V4.5H5V16h4",
  warning: "M12 4 2.5 20h19zM12 10v4.5M12 17v.01",
  filter: "M4 6h16M7 12h10M10 18h4",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.5h4M4 14.5h4M16 9.5h4M16 14.5h4",
  external: "M13.5 5H19v5.5M19 5l-8 8M10 6.5H5.5v12h12V14",
  user: "M12 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5.5 19.5a6.5 6.5 0 0 1 13 0",
  plus: "M12 5v14M5 12h14",
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing beside words, never instead of them: screen readers pass over it. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      class={`icon icon-${name}`}
      viewBox="0 0 24 24"
      width={size}
      height={size}
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
