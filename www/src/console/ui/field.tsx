import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { t } from "../../i18n/console.ts";

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  /** What is wrong with what was entered; null when nothing is. */
  readonly problem?: string | null;
  readonly optional?: boolean;
  /** For screen readers only, where the place says it already. */
  readonly labelHidden?: boolean;
}

/** A label, what is entered, a hint and a problem, tied together for screen readers. */
function Field(props: FieldProps & { id: string; children: ComponentChildren }) {
  return (
    <div class={`field ${props.problem ? "wrong" : ""}`}>
      <label for={props.id} class={props.labelHidden ? "visually-hidden" : ""}>
        {props.label} {props.optional && <span class="soft">({t("ui.optional")})</span>}
      </label>
      {props.children}
      {props.hint && (
        <p class="hint" id={`${props.id}-hint`}>
          {props.hint}
        </p>
      )}
      {props.problem && (
        <p class="problem" id={`${props.id}-problem`}>
          {props.problem}
        </p>
      )}
    </div>
  );
}

function described(id: string, props: FieldProps) {
  const ids = [props.hint && `${id}-hint`, props.problem && `${id}-problem`].filter(Boolean).join(" ");
  return { "aria-describedby": ids || undefined, "aria-invalid": props.problem ? true : undefined };
}

export interface TextFieldProps extends FieldProps {
  readonly value: string;
  change(value: string): void;
  readonly type?: "text" | "password" | "url" | "number" | "search";
  readonly name?: string;
  readonly placeholder?: string;
  readonly autocomplete?: string;
  readonly maxLength?: number;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly required?: boolean;
  readonly mono?: boolean;
  readonly focus?: boolean;
  readonly list?: readonly string[];
  readonly unit?: string;
  readonly disabled?: boolean;
}

export function TextField(props: TextFieldProps) {
  const id = useId();
  return (
    <Field {...props} id={id}>
      <div class="input-line">
        <input
          id={id}
          class={`input ${props.mono ? "mono" : ""}`}
          // Each type has attributes of its own to the compiler; those used here fit all of them.
          type={(props.type ?? "text") as "text"}
          name={props.name}
          value={props.value}
          placeholder={props.placeholder}
          autocomplete={props.autocomplete ?? "off"}
          maxLength={props.maxLength ?? 1000}
          min={props.min}
          max={props.max}
          step={props.step}
          required={props.required}
          disabled={props.disabled}
          data-focus={props.focus ? "" : undefined}
          list={props.list ? `${id}-list` : undefined}
          spellcheck={false}
          onInput={(event) => props.change(event.currentTarget.value)}
          {...described(id, props)}
        />
        {props.unit && <span class="unit soft">{props.unit}</span>}
      </div>
      {props.list && (
        <datalist id={`${id}-list`}>
          {props.list.map((text) => (
            <option key={text} value={text} />
          ))}
        </datalist>
      )}
    </Field>
  );
}

export function TextArea(
  props: FieldProps & { value: string; change(value: string): void; rows?: number; mono?: boolean },
) {
  const id = useId();
  return (
    <Field {...props} id={id}>
      <textarea
        id={id}
        class={`input ${props.mono ? "mono" : ""}`}
        rows={props.rows ?? 3}
        maxLength={10_000}
        value={props.value}
        onInput={(event) => props.change(event.currentTarget.value)}
        {...described(id, props)}
      />
    </Field>
  );
}

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
}

export function SelectField<Value extends string>(
  props: FieldProps & {
    value: Value;
    choices: readonly Choice<Value>[];
    change(value: Value): void;
    disabled?: boolean;
  },
) {
  const id = useId();
  return (
    <Field {...props} id={id}>
      <select
        id={id}
        class="input select-input"
        value={props.value}
        disabled={props.disabled}
        onChange={(event) => {
          const chosen = props.choices.find(({ value }) => value === event.currentTarget.value);
          if (chosen) props.change(chosen.value);
        }}
        {...described(id, props)}
      >
        {props.choices.map(({ value, label }) => (
          <option key={value} value={value} selected={value === props.value}>
            {label}
          </option>
        ))}
      </select>
    </Field>
  );
}

export function CheckField(props: {
  label: ComponentChildren;
  hint?: ComponentChildren;
  checked: boolean;
  change(checked: boolean): void;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div class="check-field">
      <input
        id={id}
        type="checkbox"
        checked={props.checked}
        disabled={props.disabled}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onChange={(event) => props.change(event.currentTarget.checked)}
      />
      <label for={id}>{props.label}</label>
      {props.hint && (
        <p class="hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

/** A few choices of which one holds, all in sight. */
export function RadioField<Value extends string>(props: {
  label: string;
  value: Value;
  choices: readonly (Choice<Value> & { hint?: string })[];
  change(value: Value): void;
}) {
  const id = useId();
  return (
    <fieldset class="radio-field">
      <legend>{props.label}</legend>
      {props.choices.map(({ value, label, hint }) => (
        <label key={value} class="radio">
          <input
            type="radio"
            name={id}
            value={value}
            checked={value === props.value}
            onChange={() => props.change(value)}
          />
          <span>
            {label}
            {hint && <span class="hint">{hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
