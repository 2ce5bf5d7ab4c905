import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { failureFrom } from "../../shared/failure.ts";
import { type Delivery, listDeliveries, readWebhook, resendDelivery, type Webhook } from "../api/events.ts";
import { StateBadge } from "../ui/badge.tsx";
import { CodeSamples } from "../ui/code.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { PageHeader } from "../ui/page-header.tsx";
import { usePages } from "../ui/pages.ts";
import { Empty, ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { useLoaded } from "../ui/task.ts";
import { Ago } from "../ui/time.tsx";
import { toast, toastFailure } from "../ui/toast.tsx";
import { deleted, switched, typesWords } from "../webhooks/actions.tsx";
import { WebhookDialog } from "../webhooks/dialogs.tsx";
import { VERIFY_SAMPLES } from "../webhooks/verify-samples.ts";
import { WEBHOOKS } from "./events.tsx";

/** One webhook and what it was sent. */
export function WebhookPage({ id }: { id: string }) {
  const webhook = useLoaded((signal) => readWebhook(id, signal), id);
  const back = { href: WEBHOOKS, name: t("webhooks.heading") };
  if (webhook.state.kind === "loaded")
    return <Loaded webhook={webhook.state.value} replace={webhook.replace} back={back} />;
  return (
    <>
      <PageHeader title={t("webhooks.one")} back={back} />
      {webhook.state.kind === "loading" ? (
        <Skeleton rows={5} height={56} />
      ) : (
        <ErrorState failure={webhook.state.failure} retry={webhook.reload} />
      )}
    </>
  );
}

function Loaded(props: {
  webhook: Webhook;
  replace: (webhook: Webhook) => void;
  back: { href: string; name: string };
}) {
  const { webhook, replace } = props;
  const [editing, setEditing] = useState(false);
  const toggle = async (): Promise<void> => {
    const changed = await switched(webhook);
    if (changed) replace(changed);
  };
  return (
    <>
      <PageHeader
        title={webhook.url}
        back={props.back}
        badge={<StateBadge state={webhook.enabled ? "enabled" : "disabled"} />}
        lead={typesWords(webhook)}
        actions={
          <>
            <button type="button" class="button" onClick={() => setEditing(true)}>
              {t("ui.edit")}
            </button>
            <button type="button" class="button" onClick={toggle}>
              {t(webhook.enabled ? "webhooks.pause" : "webhooks.resume")}
            </button>
            <button
              type="button"
              class="button"
              onClick={async () => {
                if (await deleted(webhook)) location.hash = WEBHOOKS;
              }}
            >
              {t("ui.delete")}
            </button>
          </>
        }
      />
      <div class="parts">
        {!webhook.enabled && <p class="callout warn">{t("webhooks.off.text")}</p>}
        <Deliveries webhookId={webhook.webhookId} />
        <section class="card">
          <div class="card-header">
            <h2>{t("webhooks.verify")}</h2>
          </div>
          <p class="soft verify-text">{t("webhooks.verify.text")}</p>
          <CodeSamples samples={VERIFY_SAMPLES} label={t("webhooks.verify")} />
        </section>
      </div>
      {editing && (
        <WebhookDialog
          webhook={webhook}
          close={() => setEditing(false)}
          done={(changed) => {
            replace(changed);
            setEditing(false);
          }}
        />
      )}
    </>
  );
}

function Deliveries({ webhookId }: { webhookId: string }) {
  const pages = usePages<Delivery>((after, signal) => listDeliveries(webhookId, after, signal), webhookId);
  const shown = pages.items.length > 0;
  const resend = async ({ deliveryId }: Delivery): Promise<void> => {
    try {
      const sent = await resendDelivery(webhookId, deliveryId);
      pages.update((items) => items.map((one) => (one.deliveryId === deliveryId ? sent : one)));
      toast(t("webhooks.resent"));
    } catch (thrown) {
      toastFailure(failureFrom(thrown));
    }
  };
  return (
    <section>
      <div class="list-head">
        <h2>{t("webhooks.deliveries")}</h2>
        {shown && (
          <button type="button" class="button small" onClick={pages.reload}>
            {t("webhooks.refresh")}
          </button>
        )}
      </div>
      {pages.loading === "first" && !shown && <Skeleton rows={4} height={54} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {!shown && pages.loading === null && !pages.failure && (
        <Empty icon="events" title={t("webhooks.deliveries.none")} text={t("webhooks.deliveries.none.text")} />
      )}
      {shown && (
        <DataTable
          caption={t("webhooks.deliveries")}
          columns={columns(resend)}
          rows={pages.items}
          id={({ deliveryId }) => deliveryId}
          busy={pages.loading === "first"}
        />
      )}
      <LoadMore pages={pages} />
    </section>
  );
}

function columns(resend: (delivery: Delivery) => void): Column<Delivery>[] {
  return [
    {
      key: "event",
      label: t("events.type"),
      kind: "name",
      render: ({ type, eventId }) => (
        <div class="two-lines">
          <b>{t(`events.type.${type}`)}</b>
          <span class="mono soft small">{eventId}</span>
        </div>
      ),
    },
    { key: "state", label: t("webhooks.state"), render: ({ state }) => <StateBadge state={state} /> },
    { key: "attempt", label: t("webhooks.attempts"), kind: "number", render: ({ attempt }) => attempt },
    {
      key: "last",
      label: t("webhooks.last"),
      render: ({ lastStatus, lastError }) =>
        (lastStatus !== null || lastError !== null) && (
          <div class="two-lines">
            {lastStatus !== null && <span class="mono">{lastStatus}</span>}
            {lastError !== null && <span class="small soft">{lastError}</span>}
          </div>
        ),
    },
    { key: "created", label: t("events.at"), render: ({ createdAt }) => <Ago at={createdAt} /> },
    {
      key: "next",
      label: t("webhooks.next"),
      render: ({ nextAt, deliveredAt }) => (nextAt ?? deliveredAt) !== null && <Ago at={nextAt ?? deliveredAt} />,
    },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (delivery) => (
        <button
          type="button"
          class="button small"
          aria-label={t("webhooks.resend.for", { id: delivery.eventId })}
          onClick={() => resend(delivery)}
        >
          {t("webhooks.resend")}
        </button>
      ),
    },
  ];
}
