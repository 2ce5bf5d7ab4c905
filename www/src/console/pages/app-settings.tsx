import { t } from "../../i18n/console.ts";
import { PageHeader } from "../ui/page-header.tsx";

export function AppSettingsPage() {
  return <PageHeader title={t("appSettings.heading")} lead={t("appSettings.lead")} />;
}
