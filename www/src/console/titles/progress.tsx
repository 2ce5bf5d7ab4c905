import { t } from "../../i18n/console.ts";
import type { Title } from "../api/titles.ts";
import { ProgressBar, progressWords, StateBadge } from "../ui/badge.tsx";
import { nameOf } from "./actions.tsx";
import { causeLine } from "./cause.ts";

/** State, and how far what is going on has come; `cause` says why it failed as well. */
export function TitleProgress({ title, cause = false }: { title: Title; cause?: boolean }) {
  const { state, job } = title;
  const moving = state === "uploading" || state === "transcoding" || state === "encrypting";
  const anew = job?.kind === "reencrypt" ? job : null;
  const words = anew ? progressWords(anew.percent, null) : progressWords(title.percent, title.leftSecs);
  return (
    <div class="title-progress">
      <div class="title-state">
        <StateBadge state={state} />
        {anew && <span class="soft small">{t("titles.reencrypting")}</span>}
        {(moving || anew) && <span class="soft small number">{words}</span>}
      </div>
      {(moving || anew) && (
        <ProgressBar
          value={anew ? anew.percent : title.percent}
          label={t("ui.percent", { name: nameOf(title), percent: words })}
        />
      )}
      {cause && title.failure && <p class="problem small title-cause">{causeLine(title.failure)}</p>}
    </div>
  );
}

export function Labels({ labels }: { labels: readonly string[] }) {
  if (labels.length === 0) return null;
  return (
    <span class="label-list">
      {labels.map((label) => (
        <span key={label} class="chip">
          {label}
        </span>
      ))}
    </span>
  );
}

/** The title's picture; a drawing where there is none yet. */
export function Cover({ title }: { title: Title }) {
  if (title.coverUrl === null) return <span class={`cover none ${title.state}`} aria-hidden="true" />;
  return <img class="cover" src={title.coverUrl} alt="" width={96} height={54} loading="lazy" decoding="async" />;
}
