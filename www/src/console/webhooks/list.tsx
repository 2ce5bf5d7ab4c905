import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { surroundings } from "../api/call.ts";
import { listWebhooks, type Webhook } from "../api/events.ts";
import { href } from "../router.ts";
import { StateBadge } from "../ui/badge.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";
import { usePages } from "../ui/pages.ts";
import { Empty, ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { When } from "../ui/time.tsx";
import { deleted, switched, typesWords } from "./actions.tsx";
import { WebhookDialog, WebhookSecretDialog } from "./dialogs.tsx";

type Open =
  | { readonly kind: "edit"; readonly webhook: Webhook | null }
  | { readonly kind: "secret"; readonly secret: string };

export function WebhookList() {
  const pages = usePages<Webhook>(listWebhooks, String(surroundings.appId));
  const [open, setOpen] = useState<Open | null>(null);
  const put = (webhook: Webhook): void =>
    pages.update((items) =>
      items.some(({ webhookId }) => webhookId === webhook.webhookId)
        ? items.map((one) => (one.webhookId === webhook.webhookId ? webhook : one))
        : [...items, webhook],
    );
  const shown = pages.items.length > 0;
  const add = (
    <button type="button" class="button primary" onClick={() => setOpen({ kind: "edit", webhook: null })}>
      <Icon name="plus" size={16} />
      {t("webhooks.new")}
    </button>
  );
  const acts = {
    edit: (webhook: Webhook) => setOpen({ kind: "edit", webhook }),
    async toggle(webhook: Webhook) {
      const changed = await switched(webhook);
      if (changed) put(changed);
    },
    async remove(webhook: Webhook) {
      if (await deleted(webhook)) pages.update((items) => items.filter((one) => one !== webhook));
    },
  };
  return (
    <>
      {pages.loading === "first" && !shown && <Skeleton rows={3} height={60} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {!shown && pages.loading === null && !pages.failure && (
        <Empty icon="events" title={t("webhooks.none")} text={t("webhooks.none.text")}>
          {add}
        </Empty>
      )}
      {shown && (
        <>
          <div class="list-head">
            <p class="soft">{t("webhooks.lead")}</p>
            {add}
          </div>
          <DataTable
            caption={t("webhooks.heading")}
            columns={columns(acts)}
            rows={pages.items}
            id={({ webhookId }) => webhookId}
          />
        </>
      )}
      <LoadMore pages={pages} />
      {open?.kind === "edit" && (
        <WebhookDialog
          webhook={open.webhook}
          close={() => setOpen(null)}
          done={(webhook, secret) => {
            put(webhook);
            setOpen(secret === null ? null : { kind: "secret", secret });
          }}
        />
      )}
      {open?.kind === "secret" && <WebhookSecretDialog secret={open.secret} close={() => setOpen(null)} />}
    </>
  );
}

interface Acts {
  edit(webhook: Webhook): void;
  toggle(webhook: Webhook): void;
  remove(webhook: Webhook): void;
}

function columns({ edit, toggle, remove }: Acts): Column<Webhook>[] {
  return [
    {
      key: "url",
      label: t("webhooks.url"),
      kind: "name",
      render: ({ webhookId, url }) => (
        <a class="row-link mono" href={href("events", webhookId)}>
          {url}
        </a>
      ),
    },
    { key: "types", label: t("webhooks.types"), render: (webhook) => <span class="small">{typesWords(webhook)}</span> },
    {
      key: "state",
      label: t("webhooks.state"),
      render: ({ enabled }) => <StateBadge state={enabled ? "enabled" : "disabled"} />,
    },
    { key: "created", label: t("webhooks.created"), render: ({ createdAt }) => <When at={createdAt} /> },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (webhook) => (
        <Menu
          label={t("ui.actions.for", { name: webhook.url })}
          items={[
            { key: "open", label: t("webhooks.deliveries"), href: href("events", webhook.webhookId) },
            { key: "edit", label: t("ui.edit"), act: () => edit(webhook) },
            {
              key: "toggle",
              label: t(webhook.enabled ? "webhooks.pause" : "webhooks.resume"),
              act: () => toggle(webhook),
            },
            { key: "delete", label: t("ui.delete"), danger: true, act: () => remove(webhook) },
          ]}
        />
      ),
    },
  ];
}
