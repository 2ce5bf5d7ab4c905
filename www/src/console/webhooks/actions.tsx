import { t } from "../../i18n/console.ts";
import { failureFrom } from "../../shared/failure.ts";
import { changeWebhook, deleteWebhook, type Webhook } from "../api/events.ts";
import { confirmed } from "../ui/confirm.tsx";
import { toast, toastFailure } from "../ui/toast.tsx";

/** Asks and deletes. Answers whether it was done. */
export function deleted({ webhookId, url }: Webhook): Promise<boolean> {
  return confirmed({
    title: t("webhooks.delete.title"),
    text: (
      <>
        <p class="mono">{url}</p>
        <p>{t("webhooks.delete.text")}</p>
      </>
    ),
    action: t("webhooks.delete"),
    danger: true,
    async act() {
      await deleteWebhook(webhookId);
      toast(t("webhooks.deleted"));
    },
  });
}

/** Pauses a webhook, or lets it go on. Answers it as it is then; null when that failed. */
export async function switched({ webhookId, enabled }: Webhook): Promise<Webhook | null> {
  try {
    const changed = await changeWebhook(webhookId, { enabled: !enabled });
    toast(t(changed.enabled ? "webhooks.resumed" : "webhooks.paused"));
    return changed;
  } catch (thrown) {
    toastFailure(failureFrom(thrown));
    return null;
  }
}

/** Which events it gets, in words. */
export function typesWords({ types }: Webhook): string {
  if (types.length === 0) return t("webhooks.types.all");
  return types.map((type) => t(`events.type.${type}`)).join(t("webhooks.types.and"));
}
