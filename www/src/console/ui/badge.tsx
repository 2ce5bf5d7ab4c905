import { type ConsoleKey, t } from "../../i18n/console.ts";
import { duration, percent } from "../../shared/format.ts";

const TONES: Record<string, "good" | "warn" | "bad" | "busy" | "plain"> = {
  uploading: "busy",
  queued: "plain",
  transcoding: "busy",
  encrypting: "busy",
  ready: "warn",
  published: "good",
  failed: "bad",
  deleted: "plain",
  running: "busy",
  done: "good",
  cancelled: "plain",
  pending: "busy",
  delivered: "good",
  active: "good",
  inUse: "good",
  ended: "plain",
  revoked: "bad",
  retired: "plain",
  enabled: "good",
  disabled: "plain",
  online: "good",
  draining: "warn",
  offline: "plain",
};

export type StateName = Extract<ConsoleKey, `state.${string}`> extends `state.${infer Name}` ? Name : never;

/** A state in a word and a colour: the word alone says it. */
export function StateBadge({ state }: { state: StateName }) {
  return (
    <span class={`badge ${TONES[state] ?? "plain"}`} data-state={state}>
      <span class="dot" aria-hidden="true" />
      {t(`state.${state}`)}
    </span>
  );
}

/** Of a session that looks like theft: the detail says why. */
export function SuspicionBadge({ score }: { score: number }) {
  return (
    <span class="badge warn" data-score={score} title={t("sessions.suspected.is", { score })}>
      {t("sessions.suspected.badge", { score })}
    </span>
  );
}

/** How far something is; null while that is unknown. */
export function ProgressBar({ value, label }: { value: number | null; label: string }) {
  return (
    <div
      class={`progress ${value === null ? "unknown" : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === null ? undefined : Math.round(value)}
    >
      <div class="progress-done" style={{ width: value === null ? "40%" : `${Math.min(100, value)}%` }} />
    </div>
  );
}

/** Percent and time left in words, as far as they are known. */
export function progressWords(of100: number | null, leftSecs: number | null): string {
  const words = [
    of100 === null ? null : percent(of100),
    leftSecs === null ? null : t("ui.left", { time: duration(leftSecs) }),
  ];
  return words.filter((word) => word !== null).join(" · ");
}
