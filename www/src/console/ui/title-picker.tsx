import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { listTitles, type Title } from "../api/titles.ts";
import { Icon } from "./icon.tsx";
import { useTitleName } from "./title-name.tsx";

interface TitlePickerProps {
  readonly label: string;
  /** A file id; empty when none is chosen. */
  readonly value: string;
  change(fileId: string): void;
  /** Above a list its label is for screen readers only. */
  readonly labelHidden?: boolean;
  readonly problem?: string | null;
}

const SHOWN_MAX = 8;
const TYPING_PAUSE_MS = 200;

/** A field that finds a title by name or file id: type, choose with the arrows or the mouse. */
export function TitlePicker({ label, value, change, labelHidden = false, problem = null }: TitlePickerProps) {
  const id = useId();
  const [text, setText] = useState<string | null>(null);
  const [at, setAt] = useState(0);
  const found = useFound(text);
  const name = useTitleName(value);
  const open = text !== null;
  const choose = (title: Title | undefined): void => {
    if (title === undefined) return;
    setText(null);
    change(title.fileId);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) setText("");
      else setAt((now) => (now + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      choose(found[at]);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      setText(null);
    }
  };
  return (
    <div class={`field picker ${problem ? "wrong" : ""}`}>
      <label for={id} class={labelHidden ? "visually-hidden" : ""}>
        {label}
      </label>
      <div class="search">
        <Icon name="search" size={16} />
        <input
          id={id}
          class="input"
          role="combobox"
          aria-expanded={open}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={open && found[at] ? `${id}-${at}` : undefined}
          aria-invalid={problem ? true : undefined}
          aria-describedby={problem ? `${id}-problem` : undefined}
          autocomplete="off"
          placeholder={labelHidden ? label : t("picker.placeholder")}
          maxLength={200}
          value={text ?? name ?? value}
          onInput={(event) => {
            setAt(0);
            setText(event.currentTarget.value);
          }}
          onClick={() => open || setText("")}
          onBlur={() => setText(null)}
          onKeyDown={onKeyDown}
        />
        {value !== "" && !open && (
          <button
            type="button"
            class="button quiet icon-only small picker-clear"
            aria-label={t("picker.clear", { label })}
            onClick={() => change("")}
          >
            <Icon name="close" size={14} />
          </button>
        )}
        {open && <Options id={id} found={found} at={at} text={text} choose={choose} />}
      </div>
      {problem && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}

function Options(props: {
  id: string;
  found: readonly Title[];
  at: number;
  text: string;
  choose: (title: Title) => void;
}) {
  const { id, found, at } = props;
  return (
    <div class="menu picker-list">
      {/* A click must not take the focus from the field: that would close the list before it is heard. */}
      <div
        id={`${id}-list`}
        role="listbox"
        aria-label={t("picker.found")}
        onMouseDown={(event) => event.preventDefault()}
      >
        {found.map((title, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field hears the keys, as comboboxes do
          <div
            key={title.fileId}
            id={`${id}-${index}`}
            class={`menu-item ${index === at ? "current" : ""}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => props.choose(title)}
          >
            <span class="two-lines">
              <span>{title.name}</span>
              <span class="mono soft small">{title.fileId}</span>
            </span>
          </div>
        ))}
      </div>
      {found.length === 0 && <p class="soft picker-none">{t("picker.none", { text: props.text || "…" })}</p>}
    </div>
  );
}

/** The titles that fit what was typed, once typing has paused. */
function useFound(text: string | null): readonly Title[] {
  const [found, setFound] = useState<readonly Title[]>([]);
  const first = useRef(true);
  useEffect(() => {
    if (text === null) {
      first.current = true;
      return;
    }
    const own = new AbortController();
    const read = (): void => {
      listTitles({ search: text.trim(), states: [], labels: [], sort: "-updatedAt" }, null, own.signal).then(
        ({ items }) => setFound(items.slice(0, SHOWN_MAX)),
        () => own.signal.aborted || setFound([]),
      );
    };
    const timer = window.setTimeout(read, first.current ? 0 : TYPING_PAUSE_MS);
    first.current = false;
    return () => {
      window.clearTimeout(timer);
      own.abort();
    };
  }, [text]);
  return text === null ? [] : found;
}
