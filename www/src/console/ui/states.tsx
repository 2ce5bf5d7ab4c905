import type { ComponentChildren } from "preact";
import { t } from "../../i18n/console.ts";
import { type Failure, failureText } from "../../shared/failure.ts";
import { count } from "../../shared/format.ts";
import { Icon, type IconName } from "./icon.tsx";
import type { Pages } from "./pages.ts";

/** There is nothing, and that is no fault: says what would be here and how it comes about. */
export function Empty(props: {
  icon: IconName;
  title: string;
  text?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <div class="notice empty">
      <span class="notice-mark">
        <Icon name={props.icon} size={26} />
      </span>
      <h2>{props.title}</h2>
      {props.text && <p class="soft">{props.text}</p>}
      {props.children && <div class="notice-actions">{props.children}</div>}
    </div>
  );
}

/** Rows of nothing while something is on its way, so that the page does not jump when it comes. */
export function Skeleton({ rows = 4, height = 60 }: { rows?: number; height?: number }) {
  return (
    <div class="pending" role="status">
      <span class="visually-hidden">{t("ui.loading")}</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} class="ghost" style={{ height: `${height}px` }} />
      ))}
    </div>
  );
}

/** What went wrong, what to do about it, and a way to try again. */
export function ErrorState({ failure, retry }: { failure: Failure; retry?: () => void }) {
  const { heading, action } = failureText(failure);
  return (
    <div class="notice failed" role="alert" data-code={failure.code}>
      <span class="notice-mark">
        <Icon name="warning" size={26} />
      </span>
      <h2>{heading}</h2>
      <p class="soft">{action}</p>
      {failure.detail && <p class="mono small">{failure.detail}</p>}
      {failure.requestId && <p class="mono small soft">{t("ui.requestId", { requestId: failure.requestId })}</p>}
      {retry && (
        <div class="notice-actions">
          <button type="button" class="button" onClick={retry}>
            <Icon name="retry" size={16} />
            {t("ui.retry")}
          </button>
        </div>
      )}
    </div>
  );
}

/** The same in a form or a dialog, in few words. */
export function FailureLine({ failure }: { failure: Failure | null }) {
  if (failure === null) return null;
  const { heading, action } = failureText(failure);
  return (
    <p class="problem" role="alert" data-code={failure.code}>
      <b>{heading}.</b> {action}
      {failure.detail && <span class="mono"> {failure.detail}</span>}
    </p>
  );
}

/** Below a list: how many are shown, and the next page. */
export function LoadMore<Item>({ pages }: { pages: Pages<Item> }) {
  if (pages.items.length === 0) return null;
  const shown = pages.hasMore ? "ui.shown" : "ui.shown.all";
  return (
    <div class="foot">
      <span class="soft">{t(shown, { count: count(pages.items.length) })}</span>
      <FailureLine failure={pages.failure} />
      {pages.hasMore && (
        <button type="button" class="button" aria-disabled={pages.loading === "more"} onClick={pages.more}>
          {t(pages.loading === "more" ? "ui.more.loading" : "ui.more")}
        </button>
      )}
    </div>
  );
}
