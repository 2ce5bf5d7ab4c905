import type { ComponentChildren, TargetedToggleEvent } from "preact";
import { useId, useRef } from "preact/hooks";
import { Icon } from "./icon.tsx";

export interface MenuItem {
  readonly key: string;
  readonly label: string;
  readonly danger?: boolean;
  readonly href?: string;
  act?(): void;
}

interface MenuProps {
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** What the button shows; three dots when left out. */
  readonly children?: ComponentChildren;
  readonly buttonClass?: string;
}

/** A button that opens a menu. A popover, so that no table and no card cuts it off; arrows, Home, End and Escape work in it. */
export function Menu({ label, items, children, buttonClass }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);

  const entries = (): HTMLElement[] => [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const close = (): void => menu.current?.hidePopover();
  const onKeyDown = (event: KeyboardEvent): void => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") close();
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  const onToggle = (event: TargetedToggleEvent<HTMLDivElement>): void => {
    const open = event.newState === "open";
    button.current?.setAttribute("aria-expanded", String(open));
    if (!open) return;
    if (button.current && menu.current) position(menu.current, button.current.getBoundingClientRect());
    entries()[0]?.focus();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        class={buttonClass ?? "button quiet icon-only"}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={false}
        aria-controls={id}
        popovertarget={id}
      >
        {children ?? <Icon name="more" />}
      </button>
      <div
        ref={menu}
        id={id}
        class="menu"
        role="menu"
        tabIndex={-1}
        aria-label={label}
        popover="auto"
        onKeyDown={onKeyDown}
        onToggle={onToggle}
      >
        {items.map((item) => (
          <Entry key={item.key} item={item} close={close} />
        ))}
      </div>
    </>
  );
}

function Entry({ item, close }: { item: MenuItem; close: () => void }) {
  const look = `menu-item ${item.danger ? "danger" : ""}`;
  if (item.href !== undefined)
    return (
      <a class={look} role="menuitem" tabIndex={-1} href={item.href} onClick={close}>
        {item.label}
      </a>
    );
  return (
    <button
      type="button"
      class={look}
      role="menuitem"
      tabIndex={-1}
      onClick={() => {
        close();
        item.act?.();
      }}
    >
      {item.label}
    </button>
  );
}

/** Below the button and flush with its right edge, or above it where there is no room below. */
function position(menu: HTMLElement, anchor: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = anchor.bottom + GAP + height <= innerHeight;
  menu.style.top = `${below ? anchor.bottom + GAP : Math.max(GAP, anchor.top - GAP - height)}px`;
  menu.style.left = `${Math.max(GAP, Math.min(anchor.right - width, innerWidth - width - GAP))}px`;
}

const GAP = 6;
