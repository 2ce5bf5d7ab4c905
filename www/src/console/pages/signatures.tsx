import { t } from "../../i18n/console.ts";
import { PageHeader } from "../ui/page-header.tsx";

export function SignaturesPage() {
  return <PageHeader title={t("signatures.heading")} lead={t("signatures.lead")} />;
}
