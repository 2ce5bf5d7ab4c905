import { t } from "../../i18n/console.ts";
import { BELOW_MIN_LEVEL, type BelowMinLevel } from "../api/levels.ts";
import { CheckField, SelectField, TextArea, TextField } from "../ui/field.tsx";
import { type LimitsDraft, limitProblems } from "./limits.ts";

interface LimitsProps {
  readonly draft: LimitsDraft;
  readonly uid: string;
  change(part: Partial<LimitsDraft>): void;
}

/** What a signature limits beyond quality and time, and what it shows. Folded away: most have none of it. */
export function LimitsPart({ draft, uid, change }: LimitsProps) {
  const problems = limitProblems(draft, uid);
  const problem = (field: keyof LimitsDraft): string | null => {
    const key = problems.get(field);
    return key === undefined ? null : t(key);
  };
  const number = (field: "previewSecs" | "addressLimit" | "sessions", max: number, unit?: string) => (
    <TextField
      label={t(`signatures.${field}`)}
      optional
      type="number"
      min={1}
      max={max}
      {...(unit && { unit })}
      value={draft[field]}
      change={(text) => change({ [field]: text })}
      hint={t(`signatures.${field}.hint`)}
      problem={problem(field)}
    />
  );
  const text = (field: "us" | "watermark" | "kid" | "ip" | "domains", mono: boolean) => (
    <TextField
      label={t(`signatures.${field}`)}
      optional
      mono={mono}
      value={draft[field]}
      change={(typed) => change({ [field]: typed })}
      hint={t(`signatures.${field}.hint`)}
      problem={problem(field)}
    />
  );
  return (
    <details class="more">
      <summary>{t("signatures.limits")}</summary>
      <div class="form">
        <LevelRow draft={draft} change={change} />
        <div class="form-row">
          {number("previewSecs", 2 ** 31, "s")}
          {number("sessions", 100)}
        </div>
        <div class="form-row">
          {number("addressLimit", 9)}
          {text("ip", true)}
        </div>
        <div class="form-row">
          {text("domains", true)}
          {text("us", true)}
        </div>
        <CheckField
          label={t("signatures.once")}
          hint={t("signatures.once.hint")}
          checked={draft.once}
          change={(once) => change({ once })}
        />
        <div class="form-row">
          {text("watermark", false)}
          {text("kid", true)}
        </div>
        <TextArea
          label={t("signatures.resolutionNames")}
          optional
          mono
          value={draft.resolutionNames}
          change={(resolutionNames) => change({ resolutionNames })}
          hint={t("signatures.resolutionNames.hint")}
          problem={problem("resolutionNames")}
        />
      </div>
    </details>
  );
}

const LEAST = ["", "sealed", "guarded"] as const satisfies readonly LimitsDraft["minLevel"][];

function LevelRow({ draft: { minLevel, belowMinLevel }, change }: Pick<LimitsProps, "draft" | "change">) {
  return (
    <div class="form-row">
      <SelectField<LimitsDraft["minLevel"]>
        label={t("level.least")}
        value={minLevel}
        choices={LEAST.map((value) => ({ value, label: t(`level.least.${value === "" ? "inherit" : value}`) }))}
        change={(least) => change({ minLevel: least })}
        hint={minLevel === "" ? t("level.least.tighten") : t(`level.least.${minLevel}.hint`)}
      />
      {minLevel !== "" && (
        <SelectField<BelowMinLevel>
          label={t("level.below")}
          value={belowMinLevel}
          choices={BELOW_MIN_LEVEL.map((value) => ({ value, label: t(`level.below.${value}`) }))}
          change={(below) => change({ belowMinLevel: below })}
          hint={t("level.below.hint")}
        />
      )}
    </div>
  );
}
