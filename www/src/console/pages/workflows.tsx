import { t } from "../../i18n/console.ts";
import { failureFrom } from "../../shared/failure.ts";
import { type App, changeApp, readApp } from "../api/apps.ts";
import { surroundings } from "../api/call.ts";
import { deleteWorkflow, listWorkflows, type Workflow } from "../api/workflows.ts";
import { goTo, href } from "../router.ts";
import { confirmed } from "../ui/confirm.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { PageHeader } from "../ui/page-header.tsx";
import { usePages } from "../ui/pages.ts";
import { ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { useLoaded } from "../ui/task.ts";
import { toast, toastFailure } from "../ui/toast.tsx";
import { ladderWords } from "../workflow/summary.ts";

export function WorkflowsPage() {
  const appId = surroundings.appId ?? 0;
  const pages = usePages(listWorkflows, String(appId));
  const app = useLoaded<App>((signal) => readApp(appId, signal), String(appId));
  const chosen = app.state.kind === "loaded" ? (app.state.value.defaultWorkflowId ?? "adaptive") : null;

  const makeDefault = async ({ workflowId, name }: Workflow): Promise<void> => {
    try {
      app.replace(await changeApp(appId, { defaultWorkflowId: workflowId }));
      toast(t("workflows.default.done", { name }));
    } catch (thrown) {
      toastFailure(failureFrom(thrown));
    }
  };
  const remove = async (workflow: Workflow): Promise<void> => {
    if (!(await deleted(workflow, chosen === workflow.workflowId))) return;
    pages.update((items) => items.filter(({ workflowId }) => workflowId !== workflow.workflowId));
    app.reload();
  };
  const shown = pages.items.length > 0;
  return (
    <>
      <PageHeader
        title={t("workflows.heading")}
        lead={t("workflows.lead")}
        actions={
          <a class="button primary" href={href("workflows", "new")}>
            <Icon name="plus" size={16} />
            {t("workflows.new")}
          </a>
        }
      />
      {pages.loading === "first" && !shown && <Skeleton rows={6} height={52} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {shown && (
        <DataTable
          caption={t("workflows.heading")}
          columns={columns(chosen, (workflow) => entries(workflow, chosen, makeDefault, remove))}
          rows={pages.items}
          id={({ workflowId }) => workflowId}
        />
      )}
      <LoadMore pages={pages} />
    </>
  );
}

/** Asks, deletes and says so. Answers whether it was done. */
export async function deleted({ workflowId, name }: Workflow, isDefault: boolean): Promise<boolean> {
  const done = await confirmed({
    title: t("workflows.delete.title", { name }),
    text: (
      <>
        <p>{t("workflows.delete.text")}</p>
        {isDefault && <p class="callout warn">{t("workflows.delete.default")}</p>}
      </>
    ),
    action: t("workflows.delete"),
    danger: true,
    act: () => deleteWorkflow(workflowId),
  });
  if (done) toast(t("workflows.deleted", { name }));
  return done;
}

function columns(chosen: string | null, menu: (workflow: Workflow) => readonly MenuItem[]): Column<Workflow>[] {
  return [
    {
      key: "name",
      label: t("workflows.name"),
      kind: "name",
      render: ({ workflowId, name }) => (
        <div class="two-lines">
          <span class="label-list">
            <a class="row-link" href={href("workflows", workflowId)}>
              {name}
            </a>
            {chosen === workflowId && <span class="chip good">{t("workflows.default")}</span>}
          </span>
          <span class="mono soft small">{workflowId}</span>
        </div>
      ),
    },
    { key: "ladder", label: t("workflows.ladder"), render: ({ settings }) => ladderWords(settings.ladder) },
    { key: "mode", label: t("workflows.mode"), render: ({ settings }) => t(`mode.${settings.mode}`) },
    {
      key: "container",
      label: t("workflows.container"),
      render: ({ settings }) => t(`container.${settings.container}`),
    },
    {
      key: "publish",
      label: t("workflows.publish"),
      render: ({ settings }) => t(`workflows.publish.${settings.publish}`),
    },
    {
      key: "kind",
      label: t("workflows.kind"),
      render: ({ builtIn }) => <span class="chip">{t(builtIn ? "workflows.builtIn" : "workflows.own")}</span>,
    },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (workflow) => <Menu label={t("ui.actions.for", { name: workflow.name })} items={menu(workflow)} />,
    },
  ];
}

function entries(
  workflow: Workflow,
  chosen: string | null,
  makeDefault: (workflow: Workflow) => void,
  remove: (workflow: Workflow) => void,
): readonly MenuItem[] {
  const { workflowId, builtIn } = workflow;
  const items: (MenuItem | false)[] = [
    { key: "open", label: t(builtIn ? "workflows.view" : "ui.edit"), href: href("workflows", workflowId) },
    { key: "duplicate", label: t("workflows.duplicate"), act: () => goTo("workflows", `new:${workflowId}`) },
    chosen !== null &&
      chosen !== workflowId && { key: "default", label: t("workflows.default.make"), act: () => makeDefault(workflow) },
    !builtIn && { key: "delete", label: t("ui.delete"), danger: true, act: () => remove(workflow) },
  ];
  return items.filter((item) => item !== false);
}
