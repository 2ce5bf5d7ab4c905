import { t } from "../../i18n/console.ts";
import { PageHeader } from "../ui/page-header.tsx";

export function SessionsPage() {
  return <PageHeader title={t("sessions.heading")} lead={t("sessions.lead")} />;
}
