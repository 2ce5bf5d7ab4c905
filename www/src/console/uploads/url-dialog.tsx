import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { createTitle } from "../api/titles.ts";
import type { Workflow } from "../api/workflows.ts";
import { useChanges } from "../live/context.ts";
import { FormDialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { toast } from "../ui/toast.tsx";
import { parseLabels } from "./labels.ts";
import { LabelsField, WorkflowField } from "./new-dialog.tsx";

interface UrlDialogProps {
  readonly workflows: readonly Workflow[];
  readonly defaultWorkflowId: string | null;
  close(): void;
}

/** The server fetches the file itself. */
export function UrlDialog({ workflows, defaultWorkflowId, close }: UrlDialogProps) {
  const [url, setUrl] = useState("");
  const [name, setName] = useState("");
  const [workflowId, setWorkflowId] = useState("");
  const [labels, setLabels] = useState("");
  const [tried, setTried] = useState(false);
  const changes = useChanges();
  const task = useTask(async () => {
    const title = await createTitle({
      url: url.trim(),
      ...(name.trim() && { name: name.trim() }),
      ...(workflowId && { workflowId }),
      labels: parseLabels(labels),
    });
    changes.tell(title);
    toast(t("uploads.url.done", { name: title.name }));
  });
  const usable = /^https?:\/\/\S+$/i.test(url.trim());
  return (
    <FormDialog
      title={t("uploads.url.heading")}
      close={close}
      submit={t("uploads.url.submit")}
      pending={task.pending}
      problem={<FailureLine failure={task.failure} />}
      onSubmit={async () => {
        setTried(true);
        if (usable && (await task.run())) close();
      }}
    >
      <TextField
        label={t("uploads.url.address")}
        type="url"
        value={url}
        change={setUrl}
        placeholder="https://"
        maxLength={2000}
        hint={t("uploads.url.hint")}
        problem={tried && !usable ? t("uploads.url.problem") : null}
      />
      <TextField label={t("uploads.url.name")} optional value={name} change={setName} maxLength={256} />
      <WorkflowField value={workflowId} change={setWorkflowId} workflows={workflows} byDefault={defaultWorkflowId} />
      <LabelsField value={labels} change={setLabels} />
    </FormDialog>
  );
}
