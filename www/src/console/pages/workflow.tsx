import { t } from "../../i18n/console.ts";
import { surroundings } from "../api/call.ts";
import {
  createWorkflow,
  readWorkflow,
  replaceWorkflow,
  type Workflow,
  type WorkflowSettings,
} from "../api/workflows.ts";
import { goTo, href } from "../router.ts";
import { PageHeader } from "../ui/page-header.tsx";
import { ErrorState, Skeleton } from "../ui/states.tsx";
import { useLoaded, useTask } from "../ui/task.ts";
import { toast } from "../ui/toast.tsx";
import { ADAPTIVE, draftOf, type WorkflowDraft } from "../workflow/draft.ts";
import { WorkflowEditor } from "../workflow/editor.tsx";
import { workflowFacts } from "../workflow/summary.ts";
import { deleted } from "./workflows.tsx";

/** `new` makes one, `new:<workflow id>` makes one from another (no id holds a colon), everything else is the id of one. */
export function WorkflowPage({ id }: { id: string }) {
  const [, isNew, from] = /^(new)(?::(.+))?$/.exec(id) ?? [];
  if (isNew && from === undefined) return <NewWorkflow origin={null} />;
  return (
    <Loaded
      workflowId={from ?? id}
      show={(one) => (isNew ? <NewWorkflow origin={one} /> : <Existing key={id} workflow={one} />)}
    />
  );
}

function Loaded(props: { workflowId: string; show: (workflow: Workflow) => preact.JSX.Element }) {
  const { workflowId } = props;
  const { state, reload } = useLoaded(
    (signal) => readWorkflow(workflowId, signal),
    `${surroundings.appId} ${workflowId}`,
  );
  if (state.kind === "loaded") return props.show(state.value);
  return (
    <>
      <PageHeader title={workflowId} back={BACK()} />
      {state.kind === "loading" ? (
        <Skeleton rows={4} height={140} />
      ) : (
        <ErrorState failure={state.failure} retry={reload} />
      )}
    </>
  );
}

function NewWorkflow({ origin }: { origin: Workflow | null }) {
  const initial = draftOf({
    workflowId: "",
    name: origin === null ? "" : t("workflows.copy.of", { name: origin.name }),
    settings: origin?.settings ?? ADAPTIVE,
  });
  const task = useTask(async (draft: WorkflowDraft, settings: WorkflowSettings) => {
    const id = draft.workflowId === "" ? {} : { workflowId: draft.workflowId };
    const made = await createWorkflow({ ...id, name: draft.name.trim(), settings });
    toast(t("workflows.created", { name: made.name }));
    goTo("workflows");
  });
  return (
    <>
      <PageHeader title={t("workflows.new")} back={BACK()} />
      <WorkflowEditor
        initial={initial}
        isNew
        pending={task.pending}
        failure={task.failure}
        submit={t("workflows.create")}
        save={task.run}
        discard={() => goTo("workflows")}
      />
    </>
  );
}

function Existing({ workflow }: { workflow: Workflow }) {
  const { workflowId, name, settings, builtIn } = workflow;
  const task = useTask(async (draft: WorkflowDraft, changed: WorkflowSettings) => {
    await replaceWorkflow(workflowId, { name: draft.name.trim(), settings: changed });
    toast(t("ui.saved"));
    goTo("workflows");
  });
  const remove = async (): Promise<void> => {
    if (await deleted(workflow, false)) goTo("workflows");
  };
  return (
    <>
      <PageHeader
        title={name}
        back={BACK()}
        lead={<span class="mono">{workflowId}</span>}
        badge={<span class="chip">{t(builtIn ? "workflows.builtIn" : "workflows.own")}</span>}
        actions={
          <>
            <a class="button" href={href("workflows", `new:${workflowId}`)}>
              {t("workflows.duplicate")}
            </a>
            {!builtIn && (
              <button type="button" class="button" onClick={remove}>
                {t("ui.delete")}
              </button>
            )}
          </>
        }
      />
      {builtIn ? (
        <Facts settings={settings} />
      ) : (
        <WorkflowEditor
          initial={draftOf(workflow)}
          isNew={false}
          pending={task.pending}
          failure={task.failure}
          submit={t("ui.save")}
          save={task.run}
          discard={() => goTo("workflows")}
        />
      )}
    </>
  );
}

function Facts({ settings }: { settings: WorkflowSettings }) {
  return (
    <div class="parts">
      <p class="callout">{t("workflows.builtIn.note")}</p>
      <div class="card">
        <dl class="facts-list">
          {workflowFacts(settings).map(([label, text]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      </div>
    </div>
  );
}

const BACK = () => ({ href: href("workflows"), name: t("workflows.heading") });
