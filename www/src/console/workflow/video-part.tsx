import { t } from "../../i18n/console.ts";
import { PRESETS } from "../api/workflows.ts";
import { RadioField, SelectField, TextField } from "../ui/field.tsx";
import { FormPart } from "../ui/form-part.tsx";
import { Icon } from "../ui/icon.tsx";
import { LIMITS } from "./check.ts";
import type { RungDraft } from "./draft.ts";
import { hinted, type PartProps } from "./editor.tsx";

export function VideoPart(props: PartProps) {
  const { draft, change, problem } = props;
  return (
    <FormPart title={t("workflows.part.video")}>
      <RadioField
        label={t("workflows.ladder")}
        value={draft.ladder}
        choices={hinted(["auto", "rungs", "copy"], "workflows.ladder")}
        change={(ladder) => change({ ladder })}
      />
      {draft.ladder === "auto" && (
        <TextField
          label={t("workflows.maxEdge")}
          optional
          type="number"
          min={16}
          max={4320}
          step={2}
          unit="px"
          value={draft.maxEdge}
          change={(maxEdge) => change({ maxEdge })}
          hint={t("workflows.maxEdge.hint")}
          problem={problem("ladder.maxEdge")}
        />
      )}
      {draft.ladder === "rungs" && <Rungs {...props} />}
      <div class="form-row">
        {draft.ladder !== "copy" && (
          <SelectField
            label={t("workflows.preset")}
            value={draft.preset}
            choices={PRESETS.map((value) => ({ value, label: value }))}
            change={(preset) => change({ preset })}
            hint={t("workflows.preset.hint")}
          />
        )}
        <TextField
          label={t("workflows.audio")}
          type="number"
          min={32}
          max={512}
          unit="kbit/s"
          value={draft.audioKilobits}
          change={(audioKilobits) => change({ audioKilobits })}
          hint={t("workflows.audio.hint")}
          problem={problem("audioBitRate")}
        />
      </div>
      <SelectField
        label={t("workflows.container")}
        value={draft.container}
        choices={[
          { value: "fmp4", label: t("container.fmp4") },
          { value: "ts", label: t("container.ts") },
        ]}
        change={(container) => change({ container })}
        hint={t("workflows.container.hint")}
      />
    </FormPart>
  );
}

/** The rows of a ladder of one's own. */
function Rungs({ draft, change, problem }: PartProps) {
  const { rungs } = draft;
  const [, most] = LIMITS.rungs;
  const set = (key: number, part: Partial<RungDraft>): void =>
    change({ rungs: rungs.map((rung) => (rung.key === key ? { ...rung, ...part } : rung)) });
  const add = (): void => {
    const key = Math.max(-1, ...rungs.map((rung) => rung.key)) + 1;
    change({ rungs: [...rungs, { key, edge: "", kilobits: "" }] });
  };
  const whole = problem("ladder.rungs");
  return (
    <fieldset class="rungs">
      <legend class="visually-hidden">{t("workflows.ladder.rungs")}</legend>
      {rungs.map((rung, index) => (
        <fieldset key={rung.key} class="rung">
          <legend class="visually-hidden">{t("workflows.rung", { n: index + 1 })}</legend>
          <TextField
            label={t("workflows.rung.edge")}
            type="number"
            min={16}
            max={4320}
            step={2}
            unit="px"
            value={rung.edge}
            change={(edge) => set(rung.key, { edge })}
            problem={problem(`ladder.rungs.${index}.edge`)}
          />
          <TextField
            label={t("workflows.rung.rate")}
            type="number"
            min={50}
            max={100_000}
            unit="kbit/s"
            value={rung.kilobits}
            change={(kilobits) => set(rung.key, { kilobits })}
            problem={problem(`ladder.rungs.${index}.videoBitRate`)}
          />
          <button
            type="button"
            class="button quiet icon-only rung-remove"
            aria-label={t("workflows.rung.remove", { n: index + 1 })}
            title={t("workflows.rung.remove", { n: index + 1 })}
            onClick={() => change({ rungs: rungs.filter(({ key }) => key !== rung.key) })}
          >
            <Icon name="close" />
          </button>
        </fieldset>
      ))}
      {whole && <p class="problem">{whole}</p>}
      <button type="button" class="button" disabled={rungs.length >= most} onClick={add}>
        <Icon name="plus" size={16} />
        {t("workflows.rung.add")}
      </button>
    </fieldset>
  );
}
