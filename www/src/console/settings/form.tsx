import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { type App, type AppChange, changeApp } from "../api/apps.ts";
import type { Workflow } from "../api/workflows.ts";
import { appChanged } from "../state/account.ts";
import { SelectField, TextArea, TextField } from "../ui/field.tsx";
import { FormPart } from "../ui/form-part.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { toast } from "../ui/toast.tsx";
import { type AppDraft, appDraftOf, changeOf, checkApp, UNITS, type Unit } from "./draft.ts";
import { LevelPart } from "./level-part.tsx";

export interface PartProps {
  readonly draft: AppDraft;
  set(change: Partial<AppDraft>): void;
  problem(field: keyof AppChange): string | null;
}

/** The form of an application's settings. */
export function AppForm(props: { app: App; workflows: readonly Workflow[]; saved: (app: App) => void }) {
  const { app, workflows, saved } = props;
  const [draft, setDraft] = useState(() => appDraftOf(app));
  const problems = checkApp(draft);
  const change = changeOf(app, draft);
  const dirty = Object.keys(change).length > 0;
  const task = useTask(async () => {
    const next = await changeApp(app.appId, change);
    appChanged(next);
    setDraft(appDraftOf(next));
    saved(next);
    toast(t("ui.saved"));
  });
  const part: PartProps = {
    draft,
    set(changed) {
      task.forget();
      setDraft((now) => ({ ...now, ...changed }));
    },
    problem(field) {
      const found = problems.get(field);
      return found ? t(found.key, found.values) : null;
    },
  };
  return (
    <form
      class="parts"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (dirty && problems.size === 0) void task.run();
      }}
    >
      <FormPart title={t("appSettings.part.name")}>
        <TextField
          label={t("appSettings.name")}
          value={draft.name}
          change={(name) => part.set({ name })}
          problem={part.problem("name")}
          maxLength={256}
        />
      </FormPart>
      <PlaybackPart {...part} />
      <LevelPart draft={draft} set={part.set} />
      <UploadsPart {...part} workflows={workflows} />
      <footer class="form-foot">
        <FailureLine failure={task.failure} />
        {dirty && (
          <button type="button" class="button" onClick={() => part.set(appDraftOf(app))}>
            {t("workflows.discard")}
          </button>
        )}
        <button
          type="submit"
          class="button primary"
          disabled={!dirty || problems.size > 0}
          aria-disabled={task.pending}
        >
          {t(task.pending ? "ui.saving" : "ui.save")}
        </button>
      </footer>
    </form>
  );
}

function PlaybackPart({ draft, set, problem }: PartProps) {
  return (
    <FormPart title={t("appSettings.part.playback")} lead={t("appSettings.part.playback.lead")}>
      <TextArea
        label={t("appSettings.domains")}
        mono
        rows={4}
        value={draft.domains}
        change={(domains) => set({ domains })}
        hint={t("appSettings.domains.hint")}
        problem={problem("domains")}
      />
      <div class="form-row">
        <TextField
          label={t("appSettings.maxAge")}
          type="number"
          min={1}
          value={draft.maxAge}
          change={(maxAge) => set({ maxAge })}
          hint={t("appSettings.maxAge.hint")}
          problem={problem("maxAgeSecs")}
        />
        <SelectField<Unit>
          label={t("appSettings.unit")}
          value={draft.maxAgeUnit}
          choices={(Object.keys(UNITS) as Unit[]).map((value) => ({ value, label: t(`appSettings.unit.${value}`) }))}
          change={(maxAgeUnit) => set({ maxAgeUnit })}
        />
      </div>
    </FormPart>
  );
}

function UploadsPart({ draft, set, problem, workflows }: PartProps & { workflows: readonly Workflow[] }) {
  const known = workflows.some(({ workflowId }) => workflowId === draft.defaultWorkflowId);
  const choices = [
    { value: "", label: t("appSettings.workflow.none") },
    ...workflows.map(({ workflowId, name }) => ({ value: workflowId, label: name })),
    // One that the list does not hold is kept all the same.
    ...(known || draft.defaultWorkflowId === ""
      ? []
      : [{ value: draft.defaultWorkflowId, label: draft.defaultWorkflowId }]),
  ];
  return (
    <FormPart title={t("appSettings.part.uploads")} lead={t("appSettings.part.uploads.lead")}>
      <SelectField<string>
        label={t("appSettings.workflow")}
        value={draft.defaultWorkflowId}
        choices={choices}
        change={(defaultWorkflowId) => set({ defaultWorkflowId })}
        hint={t("appSettings.workflow.hint")}
      />
      <TextField
        label={t("appSettings.uploadBytes")}
        type="number"
        min={0}
        step={0.1}
        unit="GB"
        value={draft.uploadGigabytes}
        change={(uploadGigabytes) => set({ uploadGigabytes })}
        problem={problem("uploadBytesMax")}
      />
      <TextField
        label={t("appSettings.uploadTypes")}
        mono
        value={draft.uploadTypes}
        change={(uploadTypes) => set({ uploadTypes })}
        hint={t("appSettings.uploadTypes.hint")}
        problem={problem("uploadTypes")}
      />
    </FormPart>
  );
}
