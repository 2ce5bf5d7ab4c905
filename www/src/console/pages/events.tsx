import { t } from "../../i18n/console.ts";
import { PageHeader } from "../ui/page-header.tsx";

export function EventsPage() {
  return <PageHeader title={t("events.heading")} lead={t("events.lead")} />;
}
