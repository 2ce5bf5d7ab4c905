import { t } from "../../i18n/console.ts";
import { LEVELS } from "../../shared/level.ts";
import { BELOW_MIN_LEVEL, type BelowMinLevel, type Level } from "../api/levels.ts";
import { RadioField, SelectField } from "../ui/field.tsx";
import { FormPart } from "../ui/form-part.tsx";
import type { PartProps } from "./form.tsx";

/** How well playback has to be protected, and what happens where it can't be. */
export function LevelPart({ draft, set }: Pick<PartProps, "draft" | "set">) {
  return (
    <FormPart title={t("appSettings.part.level")} lead={t("appSettings.part.level.lead")}>
      <RadioField<Level>
        label={t("level.least")}
        value={draft.minLevel}
        choices={LEVELS.map((value) => ({
          value,
          label: t(`level.least.${value}`),
          hint: t(`level.least.${value}.hint`),
        }))}
        change={(minLevel) => set({ minLevel })}
      />
      {draft.minLevel !== "standard" && (
        <SelectField<BelowMinLevel>
          label={t("level.below")}
          value={draft.belowMinLevel}
          choices={BELOW_MIN_LEVEL.map((value) => ({ value, label: t(`level.below.${value}`) }))}
          change={(belowMinLevel) => set({ belowMinLevel })}
          hint={t("level.below.hint")}
        />
      )}
    </FormPart>
  );
}
