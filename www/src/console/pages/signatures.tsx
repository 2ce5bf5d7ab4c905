import { t } from "../../i18n/console.ts";
import { CheckSignature } from "../signatures/check.tsx";
import { MakeSignature } from "../signatures/make.tsx";
import { PageHeader } from "../ui/page-header.tsx";

export function SignaturesPage() {
  return (
    <>
      <PageHeader title={t("signatures.heading")} lead={t("signatures.lead")} />
      <div class="two-cards">
        <section class="card" aria-labelledby="make">
          <div class="card-header">
            <h2 id="make">{t("signatures.make.heading")}</h2>
          </div>
          <MakeSignature />
        </section>
        <section class="card" aria-labelledby="check">
          <div class="card-header">
            <h2 id="check">{t("signatures.check.heading")}</h2>
          </div>
          <CheckSignature />
        </section>
      </div>
    </>
  );
}
