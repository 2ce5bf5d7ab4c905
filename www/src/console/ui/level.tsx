import { t } from "../../i18n/console.ts";
import type { Level, SessionLevel } from "../api/levels.ts";

const TONES = { sealed: "good", guarded: "plain", standard: "warn" } as const satisfies Record<Level, string>;

/** A level of playback in a word and a colour: the word alone says it. */
export function LevelBadge({ level }: { level: Level }) {
  return (
    <span class={`badge level ${TONES[level]}`} data-level={level} title={t(`level.${level}.is`)}>
      {t(`level.${level}`)}
    </span>
  );
}

/** Why a level is lower than it could be; null when there is nothing to say. */
export function downgradeText({ downgrade }: SessionLevel): string | null {
  return downgrade ? t(`level.downgrade.${downgrade}`) : null;
}
