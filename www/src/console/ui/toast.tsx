import { t } from "../../i18n/console.ts";
import { type Failure, failureLine } from "../../shared/failure.ts";
import { store, useStore } from "../state/store.ts";
import { Icon } from "./icon.tsx";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "done" | "failed";
}

const shown = store<readonly Toast[]>([]);
let latest = 0;

/** Says in passing that something was done. */
export function toast(text: string): void {
  show(text, "done", DONE_MS);
}

/** Says that something failed, where there is no better place. Stays longer: it is to be read. */
export function toastFailure(failure: Failure): void {
  if (failure.code !== "sign_in_required" && failure.code !== "aborted")
    show(failureLine(failure), "failed", FAILED_MS);
}

/** Stands once in the page, from its beginning: a live region must be there before what it announces. */
export function Toasts() {
  const toasts = useStore(shown);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map(({ id, text, kind }) => (
        <div key={id} class={`toast ${kind}`}>
          <span>{text}</span>
          <button type="button" class="toast-dismiss" aria-label={t("ui.dismiss")} onClick={() => dismiss(id)}>
            <Icon name="close" size={15} />
          </button>
        </div>
      ))}
    </div>
  );
}

const DONE_MS = 5000;
const FAILED_MS = 12_000;
const TOASTS_MAX = 3;

function show(text: string, kind: Toast["kind"], ms: number): void {
  latest += 1;
  const id = latest;
  const others = shown.get().filter((one) => one.text !== text);
  shown.set([...others.slice(1 - TOASTS_MAX), { id, text, kind }]);
  window.setTimeout(() => dismiss(id), ms);
}

function dismiss(id: number): void {
  shown.set(shown.get().filter((one) => one.id !== id));
}
