import { t } from "../../i18n/console.ts";
import { PageHeader } from "../ui/page-header.tsx";

export function TitlesPage() {
  return <PageHeader title={t("titles.heading")} />;
}
