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

/** Why it is lower than it could be: in a sentence, or in a word or two with the sentence behind. */
export function Downgrade({ of: { downgrade }, short = false }: { of: SessionLevel; short?: boolean }) {
  if (!downgrade) return null;
  const sentence = t(`level.downgrade.${downgrade}`);
  if (!short) return <span class="soft">{sentence}</span>;
  return (
    <span class="soft small" title={sentence}>
      {t(`level.downgrade.${downgrade}.short`)}
    </span>
  );
}
