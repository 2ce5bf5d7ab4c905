import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { Icon } from "./icon.tsx";

interface DialogProps {
  readonly title: string;
  /** Asked for by the cross, by Escape and by a click beside it. */
  close(): void;
  readonly children: ComponentChildren;
  readonly wide?: boolean;
  /** It holds something that would be lost: only its own buttons close it. */
  readonly sticky?: boolean;
}

/** A modal dialog while it is drawn. The focus goes to its `data-focus` element or its first field, and afterwards back. */
export function Dialog({ title, close, children, wide = false, sticky = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    const first = dialog?.querySelector<HTMLElement>("[data-focus], .dialog-body :is(input, select, textarea)");
    first?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog ${wide ? "wide" : ""}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        if (!sticky) close();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current && !sticky) close();
      }}
    >
      <div class="dialog-frame">
        <header class="dialog-header">
          <h2 id={heading}>{title}</h2>
          {!sticky && (
            <button type="button" class="button quiet icon-only" aria-label={t("ui.close")} onClick={close}>
              <Icon name="close" />
            </button>
          )}
        </header>
        <div class="dialog-body">{children}</div>
      </div>
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  readonly submit: string;
  readonly pending: boolean;
  readonly danger?: boolean;
  readonly problem?: ComponentChildren;
  onSubmit(): void;
}

/** A dialog that is one form. */
export function FormDialog(props: FormDialogProps) {
  return (
    <Dialog title={props.title} close={props.close} wide={props.wide ?? false}>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          props.onSubmit();
        }}
      >
        {props.children}
        {props.problem}
        <footer class="dialog-actions">
          {/* Where something would be lost, the focus begins at what loses nothing. */}
          <button type="button" class="button" data-focus={props.danger ? "" : undefined} onClick={props.close}>
            {t("ui.cancel")}
          </button>
          <button type="submit" class={`button ${props.danger ? "danger" : "primary"}`} aria-disabled={props.pending}>
            {props.submit}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
