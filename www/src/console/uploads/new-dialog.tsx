import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { bytes } from "../../shared/format.ts";
import type { Workflow } from "../api/workflows.ts";
import { FormDialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { parseLabels } from "./labels.ts";
import { addUploads } from "./uploader.ts";

interface NewUploadProps {
  readonly files: readonly File[];
  readonly appId: number;
  readonly workflows: readonly Workflow[];
  readonly defaultWorkflowId: string | null;
  close(): void;
}

/** What is to be made of the files just chosen; asked once for all of them. */
export function NewUploadDialog({ files, appId, workflows, defaultWorkflowId, close }: NewUploadProps) {
  const [chosen, setChosen] = useState(() => files.map((file, id) => ({ id, file, name: nameOf(file) })));
  const [workflowId, setWorkflowId] = useState("");
  const [labels, setLabels] = useState("");
  const total = chosen.reduce((sum, { file }) => sum + file.size, 0);
  const nameless = chosen.some(({ name }) => name.trim() === "");
  const submit = (): void => {
    if (nameless) return;
    const named = chosen.map(({ file, name }) => ({ file, name: name.trim() }));
    addUploads(named, appId, { workflowId: workflowId || null, labels: parseLabels(labels) });
    close();
  };
  const rename = (id: number, name: string): void =>
    setChosen(chosen.map((one) => (one.id === id ? { ...one, name } : one)));
  const remove = (id: number): void => {
    const others = chosen.filter((one) => one.id !== id);
    if (others.length === 0) close();
    else setChosen(others);
  };
  return (
    <FormDialog
      title={t(chosen.length === 1 ? "uploads.new.one" : "uploads.new.many", { count: chosen.length })}
      close={close}
      submit={t("uploads.new.submit")}
      pending={false}
      onSubmit={submit}
      wide
    >
      <ul class="chosen-files">
        {chosen.map(({ id, file, name }) => (
          <li key={id}>
            <TextField
              label={t("uploads.new.name", { file: file.name })}
              labelHidden
              value={name}
              maxLength={256}
              change={(next) => rename(id, next)}
              problem={name.trim() === "" ? t("ui.required") : null}
            />
            <span class="soft small number">{bytes(file.size)}</span>
            <button
              type="button"
              class="button quiet icon-only small"
              aria-label={t("uploads.new.remove", { file: file.name })}
              onClick={() => remove(id)}
            >
              <Icon name="close" size={16} />
            </button>
          </li>
        ))}
      </ul>
      {chosen.length > 1 && <p class="soft small">{t("uploads.new.total", { size: bytes(total) })}</p>}
      <div class="form-row">
        <WorkflowField value={workflowId} change={setWorkflowId} workflows={workflows} byDefault={defaultWorkflowId} />
        <LabelsField value={labels} change={setLabels} />
      </div>
    </FormDialog>
  );
}

/** An empty value leaves the choice to the application. */
export function WorkflowField(props: {
  value: string;
  change: (value: string) => void;
  workflows: readonly Workflow[];
  byDefault: string | null;
}) {
  const standard = props.workflows.find(({ workflowId }) => workflowId === (props.byDefault ?? "adaptive"));
  const choices = [
    { value: "", label: t("uploads.new.workflow.default", { name: standard?.name ?? props.byDefault ?? "adaptive" }) },
    ...props.workflows.map(({ workflowId, name }) => ({ value: workflowId, label: name })),
  ];
  return <SelectField label={t("uploads.new.workflow")} value={props.value} choices={choices} change={props.change} />;
}

export function LabelsField({ value, change }: { value: string; change: (value: string) => void }) {
  return (
    <TextField
      label={t("uploads.new.labels")}
      optional
      value={value}
      change={change}
      hint={t("uploads.new.labels.hint")}
      maxLength={600}
    />
  );
}

/** `my_film-final.mp4` → `my film-final`. */
function nameOf({ name }: File): string {
  const stem = name
    .replace(/\.[A-Za-z0-9]{1,5}$/, "")
    .replaceAll("_", " ")
    .trim();
  return (stem || name).slice(0, 256);
}
