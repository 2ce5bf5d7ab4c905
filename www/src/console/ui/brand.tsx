import { t } from "../../i18n/console.ts";
import { MARK_STRIPS } from "../../shared/mark.ts";

export function Mark() {
  return (
    <svg viewBox="0 0 24 24" class="mark" aria-hidden="true">
      {MARK_STRIPS.map((strip) => (
        <path key={strip} d={strip} />
      ))}
    </svg>
  );
}

export function Brand() {
  return (
    <a class="brand" href="/" aria-label={t("app.home")}>
      <Mark />
      {t("app.name")}
    </a>
  );
}
