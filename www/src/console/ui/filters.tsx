import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import type { Choice } from "./field.tsx";
import { Icon } from "./icon.tsx";

/** Search and filters above a list. */
export function Filters({ children, clear }: { children: ComponentChildren; clear?: (() => void) | null }) {
  return (
    <search class="filters">
      {children}
      {clear && (
        <button type="button" class="button quiet" onClick={clear}>
          {t("ui.filter.clear")}
        </button>
      )}
    </search>
  );
}

/** Tells what is searched for when typing has paused. */
export function SearchFilter(props: { label: string; value: string; change: (value: string) => void }) {
  const [text, setText] = useState(props.value);
  const told = useRef(props.value);
  useEffect(() => {
    if (props.value === told.current) return;
    told.current = props.value;
    setText(props.value);
  }, [props.value]);
  useEffect(() => {
    const timer = window.setTimeout(() => tell(text.trim()), TYPING_PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  const tell = (value: string): void => {
    if (value === told.current) return;
    told.current = value;
    props.change(value);
  };
  return (
    <div class="search">
      <Icon name="search" size={16} />
      <input
        class="input"
        type="search"
        aria-label={props.label}
        placeholder={props.label}
        maxLength={200}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && tell(text.trim())}
      />
    </div>
  );
}

export function SelectFilter<Value extends string>(props: {
  label: string;
  value: Value;
  choices: readonly Choice<Value>[];
  change: (value: Value) => void;
}) {
  return (
    <select
      class="input select-input"
      aria-label={props.label}
      title={props.label}
      value={props.value}
      onChange={(event) => {
        const chosen = props.choices.find(({ value }) => value === event.currentTarget.value);
        if (chosen) props.change(chosen.value);
      }}
    >
      {props.choices.map(({ value, label }) => (
        <option key={value} value={value} selected={value === props.value}>
          {label}
        </option>
      ))}
    </select>
  );
}

/** Any number of choices; none means all. */
export function MultiFilter<Value extends string>(props: {
  label: string;
  values: readonly Value[];
  choices: readonly Choice<Value>[];
  change: (values: readonly Value[]) => void;
}) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const chosen = props.choices.filter(({ value }) => props.values.includes(value)).map(({ label }) => label);
  return (
    <>
      <button
        ref={button}
        type="button"
        class={`button filter-button ${chosen.length > 0 ? "on" : ""}`}
        popovertarget={id}
        aria-haspopup="dialog"
      >
        {props.label}
        {chosen.length > 0 && <b>: {chosen.length > 2 ? chosen.length : chosen.join(", ")}</b>}
        <Icon name="chevron" size={14} />
      </button>
      <div
        ref={box}
        id={id}
        class="menu filter-menu"
        popover="auto"
        role="dialog"
        aria-label={props.label}
        onToggle={(event) => {
          const anchor = button.current?.getBoundingClientRect();
          if (event.newState !== "open" || !anchor || !box.current) return;
          box.current.style.top = `${anchor.bottom + 6}px`;
          box.current.style.left = `${Math.max(6, Math.min(anchor.left, innerWidth - box.current.offsetWidth - 6))}px`;
          box.current.querySelector("input")?.focus();
        }}
      >
        {props.choices.map(({ value, label }) => (
          <label key={value} class="menu-item">
            <input
              type="checkbox"
              checked={props.values.includes(value)}
              onChange={(event) => {
                const others = props.values.filter((one) => one !== value);
                props.change(event.currentTarget.checked ? [...others, value] : others);
              }}
            />
            {label}
          </label>
        ))}
      </div>
    </>
  );
}

const TYPING_PAUSE_MS = 300;
