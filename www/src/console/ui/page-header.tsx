import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { Icon } from "./icon.tsx";

interface PageHeaderProps {
  readonly title: string;
  readonly lead?: ComponentChildren;
  /** Where this page was come to from. */
  readonly back?: { readonly href: string; readonly name: string };
  readonly badge?: ComponentChildren;
  readonly actions?: ComponentChildren;
}

/** The page's one `h1`, and with it the document's title. */
export function PageHeader({ title, lead, back, badge, actions }: PageHeaderProps) {
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title]);
  return (
    <header class="page-header">
      <div class="page-header-words">
        {back && (
          <a class="back" href={back.href}>
            <Icon name="back" size={16} />
            {t("ui.back", { page: back.name })}
          </a>
        )}
        <div class="page-title">
          <h1>{title}</h1>
          {badge}
        </div>
        {lead && <p class="soft">{lead}</p>}
      </div>
      {actions && <div class="page-actions">{actions}</div>}
    </header>
  );
}
