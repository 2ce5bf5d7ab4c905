import { t } from "../../i18n/console.ts";
import { href, usePlace } from "../router.ts";
import { PageHeader } from "../ui/page-header.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { EventList } from "../webhooks/event-list.tsx";
import { WebhookList } from "../webhooks/list.tsx";

/** Where the list of webhooks is. */
export const WEBHOOKS = `${href("events")}?tab=webhooks`;

export function EventsPage() {
  const tab = usePlace().query.get("tab") === "webhooks" ? "webhooks" : "events";
  return (
    <>
      <PageHeader title={t("events.heading")} lead={t("events.lead")} />
      <Tabs
        label={t("events.heading")}
        current={tab}
        tabs={[
          { key: "events", label: t("events.tab"), href: href("events") },
          { key: "webhooks", label: t("webhooks.heading"), href: WEBHOOKS },
        ]}
      />
      {tab === "events" ? <EventList /> : <WebhookList />}
    </>
  );
}
