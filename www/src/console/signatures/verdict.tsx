import { t } from "../../i18n/console.ts";
import { failureText } from "../../shared/failure.ts";
import type { DecodedSignature } from "../api/signatures.ts";
import { Json } from "../ui/code.tsx";
import { Icon } from "../ui/icon.tsx";
import { Ago, When } from "../ui/time.tsx";

/** What a signature says, and whether a player would get in with it now. */
export function Verdict({ decoded }: { decoded: DecodedSignature }) {
  const { valid, code, header, claims, expiresAt } = decoded;
  const wrong = failureText({ code: code ?? "unknown" });
  return (
    <div class="verdict" data-valid={valid}>
      <p class={`callout verdict-line ${valid ? "" : "bad"}`} role="status">
        <Icon name={valid ? "check" : "warning"} />
        <span>
          <b>{valid ? t("signatures.valid") : wrong.heading}</b>
          <br />
          {valid ? t("signatures.valid.text") : wrong.action}
          {code && <code class="mono small verdict-code">{code}</code>}
        </span>
      </p>
      {expiresAt !== null && (
        <dl class="facts-list">
          <div>
            <dt>{t("signatures.expires")}</dt>
            <dd>
              <When at={expiresAt} exact /> (<Ago at={expiresAt} />)
            </dd>
          </div>
        </dl>
      )}
      {header && (
        <div>
          <h3>{t("signatures.header")}</h3>
          <Json value={header} label={t("signatures.header")} />
        </div>
      )}
      {claims && (
        <div>
          <h3>{t("signatures.claims")}</h3>
          <Json value={claims} label={t("signatures.claims")} />
        </div>
      )}
    </div>
  );
}
