import { t } from "../../i18n/console.ts";
import { ApiKeys } from "../keys/api-keys.tsx";
import { SigningKeys } from "../keys/signing-keys.tsx";
import { PageHeader } from "../ui/page-header.tsx";

export function KeysPage() {
  return (
    <>
      <PageHeader title={t("keys.heading")} lead={t("keys.lead")} />
      <div class="parts wide-gap">
        <SigningKeys />
        <ApiKeys />
      </div>
    </>
  );
}
