import { t } from "../../i18n/console.ts";
import { PageHeader } from "../ui/page-header.tsx";

export function AuditPage() {
  return <PageHeader title={t("audit.heading")} lead={t("audit.lead")} />;
}
