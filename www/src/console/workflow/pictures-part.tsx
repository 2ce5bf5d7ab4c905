import { t } from "../../i18n/console.ts";
import { CheckField, RadioField, TextField } from "../ui/field.tsx";
import { FormPart } from "../ui/form-part.tsx";
import type { PartProps } from "./editor.tsx";

export function PicturesPart(props: PartProps) {
  const { draft, change, problem } = props;
  return (
    <FormPart title={t("workflows.part.pictures")}>
      <RadioField
        label={t("workflows.cover")}
        value={draft.cover}
        choices={[
          { value: "best", label: t("workflows.cover.best"), hint: t("workflows.cover.best.hint") },
          { value: "at", label: t("workflows.cover.at") },
          { value: "none", label: t("workflows.cover.none") },
        ]}
        change={(cover) => change({ cover })}
      />
      {draft.cover === "at" && (
        <TextField
          label={t("workflows.cover.secs")}
          type="number"
          min={0}
          step={0.1}
          unit="s"
          value={draft.coverSecs}
          change={(coverSecs) => change({ coverSecs })}
          hint={t("workflows.cover.secs.hint")}
          problem={problem("cover.positionMs")}
        />
      )}
      <fieldset class="radio-field">
        <legend>{t("workflows.sprites")}</legend>
        <CheckField
          label={t("workflows.sprites.on")}
          hint={t("workflows.sprites.hint")}
          checked={draft.sprites === "on"}
          change={(on) => change({ sprites: on ? "on" : "off" })}
        />
      </fieldset>
      {draft.sprites === "on" && <SpriteFields draft={draft} change={change} problem={problem} />}
    </FormPart>
  );
}

function SpriteFields({ draft, change, problem }: PartProps) {
  return (
    <div class="form-row three">
      <TextField
        label={t("workflows.sprites.every")}
        type="number"
        min={1}
        max={600}
        unit="s"
        value={draft.spriteSecs}
        change={(spriteSecs) => change({ spriteSecs })}
        problem={problem("sprites.everySecs")}
      />
      <TextField
        label={t("workflows.sprites.width")}
        type="number"
        min={16}
        max={640}
        unit="px"
        value={draft.spriteWidth}
        change={(spriteWidth) => change({ spriteWidth })}
        problem={problem("sprites.width")}
      />
      <TextField
        label={t("workflows.sprites.height")}
        type="number"
        min={16}
        max={640}
        unit="px"
        value={draft.spriteHeight}
        change={(spriteHeight) => change({ spriteHeight })}
        problem={problem("sprites.height")}
      />
    </div>
  );
}
