import { t } from "../../i18n/console.ts";
import { PageHeader } from "../ui/page-header.tsx";

export function KeysPage() {
  return <PageHeader title={t("keys.heading")} lead={t("keys.lead")} />;
}
