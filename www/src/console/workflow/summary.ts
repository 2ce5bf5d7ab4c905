import { t } from "../../i18n/console.ts";
import { bitRate } from "../../shared/format.ts";
import type { Ladder, WorkflowSettings } from "../api/workflows.ts";

/** A ladder in a few words. */
export function ladderWords(ladder: Ladder): string {
  if (ladder.kind === "copy") return t("workflows.ladder.copy");
  if (ladder.kind === "auto")
    return ladder.maxEdge === null
      ? t("workflows.ladder.auto")
      : t("workflows.ladder.auto.max", { edge: ladder.maxEdge });
  return ladder.rungs.map(({ edge }) => `${edge}p`).join(", ");
}

/** Every setting of a workflow as a label and a text, in the order of the form. */
export function workflowFacts(settings: WorkflowSettings): readonly (readonly [string, string])[] {
  const { ladder, cover, sprites } = settings;
  const rungs =
    ladder.kind === "rungs"
      ? ladder.rungs.map(({ edge, videoBitRate }) => `${edge}p ${bitRate(videoBitRate)}`).join(", ")
      : ladderWords(ladder);
  const facts: (readonly [string, string] | null)[] = [
    [t("workflows.ladder"), rungs],
    ladder.kind === "copy" ? null : [t("workflows.preset"), settings.preset],
    [t("workflows.audio"), bitRate(settings.audioBitRate)],
    [t("workflows.mode"), t(`mode.${settings.mode}`)],
    settings.mode === "private" && settings.cipher !== null
      ? [t("workflows.cipher"), t(`workflows.cipher.${settings.cipher}`)]
      : null,
    [t("workflows.container"), t(`container.${settings.container}`)],
    [t("workflows.segment"), t("workflows.secs", { secs: settings.segmentSecs })],
    [t("workflows.period"), t("workflows.period.of", { count: settings.periodSegments })],
    settings.clearLeadSecs ? [t("workflows.clearLead"), t("workflows.secs", { secs: settings.clearLeadSecs })] : null,
    [t("workflows.cover"), coverWords(cover)],
    [t("workflows.sprites"), sprites === null ? t("ui.none") : t("workflows.sprites.of", { ...sprites })],
    [t("workflows.publish"), t(`workflows.publish.${settings.publish}`)],
  ];
  return facts.filter((fact) => fact !== null);
}

function coverWords(cover: WorkflowSettings["cover"]): string {
  if (cover === null) return t("ui.none");
  if (cover.kind === "best") return t("workflows.cover.best");
  return t("workflows.cover.at.of", { secs: cover.positionMs / 1000 });
}
