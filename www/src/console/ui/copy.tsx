import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icon.tsx";
import { toast } from "./toast.tsx";

/** Copies, and says whether the browser allowed it. */
export async function copy(text: string): Promise<boolean> {
  const allowed = await navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  );
  toast(t(allowed ? "ui.copied" : "ui.copy.failed"));
  return allowed ?? false;
}

/** A text to be copied, such as an id or an address. */
export function CopyText({ text, label }: { text: string; label: string }) {
  return (
    <span class="copy-text">
      <span class="mono">{text}</span>
      <button
        type="button"
        class="button quiet icon-only small"
        aria-label={`${t("ui.copy")}: ${label}`}
        onClick={() => copy(text)}
      >
        <Icon name="copy" size={15} />
      </button>
    </span>
  );
}

export interface Secret {
  readonly label: string;
  readonly text: string;
}

/** Shows what is told once. It closes by its own button only, so that nothing is lost by a slip. */
export function SecretDialog(props: { title: string; secrets: readonly Secret[]; hint?: string; close: () => void }) {
  const [copied, setCopied] = useState<string | null>(null);
  return (
    <Dialog title={props.title} close={props.close} sticky>
      <div class="form">
        <p class="callout warn">{t("ui.secret.once")}</p>
        {props.hint && <p class="soft">{props.hint}</p>}
        {props.secrets.map(({ label, text }) => (
          <div key={label} class="secret">
            <b>{label}</b>
            <code class="mono secret-text">{text}</code>
            <button
              type="button"
              class="button"
              data-focus=""
              aria-label={`${t("ui.copy")}: ${label}`}
              onClick={async () => (await copy(text)) && setCopied(label)}
            >
              <Icon name={copied === label ? "check" : "copy"} size={16} />
              {t(copied === label ? "ui.copied" : "ui.copy")}
            </button>
          </div>
        ))}
        <footer class="dialog-actions">
          <button type="button" class="button primary" onClick={props.close}>
            {t("ui.secret.done")}
          </button>
        </footer>
      </div>
    </Dialog>
  );
}
