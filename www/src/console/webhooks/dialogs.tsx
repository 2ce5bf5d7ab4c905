import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { changeWebhook, createWebhook, EVENT_TYPES, type EventType, type Webhook } from "../api/events.ts";
import { CodeSamples } from "../ui/code.tsx";
import { copy } from "../ui/copy.tsx";
import { Dialog, FormDialog } from "../ui/dialog.tsx";
import { CheckField, RadioField, TextField } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { VERIFY_SAMPLES } from "./verify-samples.ts";

interface WebhookDialogProps {
  /** Null for a new one. */
  readonly webhook: Webhook | null;
  close(): void;
  /** The secret is there for a new one only. */
  done(webhook: Webhook, secret: string | null): void;
}

/** Makes a webhook, or changes one. */
export function WebhookDialog({ webhook, close, done }: WebhookDialogProps) {
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [types, setTypes] = useState<readonly EventType[]>(webhook?.types ?? []);
  const [which, setWhich] = useState<"all" | "some">(types.length === 0 ? "all" : "some");
  const [tried, setTried] = useState(false);
  const wanted = which === "all" ? [] : types;
  const task = useTask(async () => {
    if (webhook !== null) return done(await changeWebhook(webhook.webhookId, { url: url.trim(), types: wanted }), null);
    const { secret, ...made } = await createWebhook(url.trim(), wanted);
    done(made, secret);
  });
  const noneChosen = which === "some" && types.length === 0;
  const submit = (): void => {
    setTried(true);
    if (isWebAddress(url) && !noneChosen) void task.run();
  };
  return (
    <FormDialog
      title={t(webhook === null ? "webhooks.new" : "webhooks.edit")}
      close={close}
      submit={t(webhook === null ? "webhooks.create" : "ui.save")}
      pending={task.pending}
      problem={<FailureLine failure={task.failure} />}
      onSubmit={submit}
    >
      <TextField
        label={t("webhooks.url")}
        type="url"
        mono
        value={url}
        change={setUrl}
        maxLength={2000}
        placeholder="https://example.com/hooks/keyveil"
        hint={t("webhooks.url.hint")}
        problem={tried && !isWebAddress(url) ? t("webhooks.url.wrong") : null}
      />
      <RadioField
        label={t("webhooks.types")}
        value={which}
        choices={[
          { value: "all", label: t("webhooks.types.all"), hint: t("webhooks.types.all.hint") },
          { value: "some", label: t("webhooks.types.some") },
        ]}
        change={(chosen) => setWhich(chosen === "some" ? "some" : "all")}
      />
      {which === "some" && <TypeChecks types={types} change={setTypes} />}
      {tried && noneChosen && (
        <p class="problem" role="alert">
          {t("webhooks.types.none")}
        </p>
      )}
    </FormDialog>
  );
}

function TypeChecks(props: { types: readonly EventType[]; change: (types: readonly EventType[]) => void }) {
  return (
    <fieldset class="radio-field inset">
      <legend class="visually-hidden">{t("webhooks.types")}</legend>
      {EVENT_TYPES.map((type) => (
        <CheckField
          key={type}
          label={
            <>
              {t(`events.type.${type}`)} <span class="mono soft">{type}</span>
            </>
          }
          checked={props.types.includes(type)}
          change={(on) => props.change(EVENT_TYPES.filter((one) => (one === type ? on : props.types.includes(one))))}
        />
      ))}
    </fieldset>
  );
}

/** The secret, once, and what to do with it. Closed by its own button only. */
export function WebhookSecretDialog({ secret, close }: { secret: string; close: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <Dialog title={t("webhooks.secret")} close={close} wide sticky>
      <div class="form">
        <p class="callout warn">{t("ui.secret.once")}</p>
        <div class="secret">
          <code class="mono secret-text">{secret}</code>
          <button
            type="button"
            class="button"
            data-focus=""
            onClick={async () => {
              if (await copy(secret)) setCopied(true);
            }}
          >
            <Icon name={copied ? "check" : "copy"} size={16} />
            {t(copied ? "ui.copied" : "ui.copy")}
          </button>
        </div>
        <p class="soft">{t("webhooks.verify.text")}</p>
        <CodeSamples samples={VERIFY_SAMPLES} label={t("webhooks.verify")} />
        <footer class="dialog-actions">
          <button type="button" class="button primary" onClick={close}>
            {t("ui.secret.done")}
          </button>
        </footer>
      </div>
    </Dialog>
  );
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text.trim()) && /^https?:$/.test(new URL(text.trim()).protocol);
}
