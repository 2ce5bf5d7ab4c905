import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { bytes, clock } from "../../shared/format.ts";
import { changeTitle, type TitleDetail } from "../api/titles.ts";
import { Labels } from "../titles/progress.tsx";
import { CopyText } from "../ui/copy.tsx";
import { FormDialog } from "../ui/dialog.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { When } from "../ui/time.tsx";
import { toast } from "../ui/toast.tsx";
import { parseLabels } from "../uploads/labels.ts";
import { LabelsField } from "../uploads/new-dialog.tsx";

interface DetailsProps {
  readonly title: TitleDetail;
  replace(title: TitleDetail): void;
}

export function Details({ title, replace }: DetailsProps) {
  const [editing, setEditing] = useState(false);
  const cipher = title.versions.find(({ current }) => current)?.cipher ?? null;
  return (
    <section class="card" aria-labelledby="details-heading">
      <header class="card-header">
        <h2 id="details-heading">{t("title.details")}</h2>
        <button
          type="button"
          class="button small"
          aria-label={t("title.details.edit")}
          onClick={() => setEditing(true)}
        >
          {t("ui.edit")}
        </button>
      </header>
      {title.description !== "" && <p class="title-description">{title.description}</p>}
      <dl class="facts-list">
        <Fact name={t("title.fileId")}>
          <CopyText text={title.fileId} label={t("title.fileId")} />
        </Fact>
        {title.labels.length > 0 && (
          <Fact name={t("title.labels")}>
            <Labels labels={title.labels} />
          </Fact>
        )}
        <Fact name={t("title.mode")}>{t(`mode.${title.mode}`)}</Fact>
        {cipher && <Fact name={t("title.cipher")}>{cipherName(cipher)}</Fact>}
        {title.workflowId && <Fact name={t("title.workflow")}>{title.workflowId}</Fact>}
        {title.durationMs !== null && <Fact name={t("title.duration")}>{clock(title.durationMs)}</Fact>}
        {title.fileName && <Fact name={t("title.fileName")}>{title.fileName}</Fact>}
        {title.sizeBytes !== null && <Fact name={t("title.size")}>{bytes(title.sizeBytes)}</Fact>}
        {title.storedBytes !== null && <Fact name={t("title.stored")}>{bytes(title.storedBytes)}</Fact>}
        <Fact name={t("title.created")}>
          <When at={title.createdAt} />
        </Fact>
        {title.publishedAt !== null && (
          <Fact name={t("title.published")}>
            <When at={title.publishedAt} />
          </Fact>
        )}
      </dl>
      {editing && <EditDialog title={title} replace={replace} close={() => setEditing(false)} />}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function EditDialog({ title, replace, close }: DetailsProps & { close: () => void }) {
  const [name, setName] = useState(title.name);
  const [description, setDescription] = useState(title.description);
  const [labels, setLabels] = useState(title.labels.join(", "));
  const task = useTask(async () => {
    const change = { name: name.trim(), description: description.trim(), labels: parseLabels(labels) };
    replace({ ...title, ...(await changeTitle(title.fileId, change)) });
    toast(t("ui.saved"));
  });
  const nameless = name.trim() === "";
  return (
    <FormDialog
      title={t("title.details.edit")}
      close={close}
      submit={t(task.pending ? "ui.saving" : "ui.save")}
      pending={task.pending}
      problem={<FailureLine failure={task.failure} />}
      onSubmit={async () => {
        if (!nameless && (await task.run())) close();
      }}
    >
      <TextField
        label={t("title.name")}
        value={name}
        change={setName}
        maxLength={256}
        problem={nameless ? t("ui.required") : null}
      />
      <TextArea label={t("title.description")} optional value={description} change={setDescription} rows={4} />
      <LabelsField value={labels} change={setLabels} />
    </FormDialog>
  );
}

function cipherName(cipher: string): string {
  return cipher === "aes-128-cbc" || cipher === "chacha20-poly1305" ? t(`title.cipher.${cipher}`) : cipher;
}
