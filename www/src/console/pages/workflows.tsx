import { t } from "../../i18n/console.ts";
import { PageHeader } from "../ui/page-header.tsx";

export function WorkflowsPage() {
  return <PageHeader title={t("workflows.heading")} lead={t("workflows.lead")} />;
}
