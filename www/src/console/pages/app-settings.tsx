import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { readApp } from "../api/apps.ts";
import { surroundings } from "../api/call.ts";
import { listWorkflows } from "../api/workflows.ts";
import { AppForm } from "../settings/form.tsx";
import { NewAppDialog } from "../settings/new-app.tsx";
import { CopyText } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { PageHeader } from "../ui/page-header.tsx";
import { ErrorState, Skeleton } from "../ui/states.tsx";
import { useLoaded } from "../ui/task.ts";
import { When } from "../ui/time.tsx";

export function AppSettingsPage() {
  const appId = surroundings.appId ?? 0;
  const loaded = useLoaded(async (signal) => {
    const [app, workflows] = await Promise.all([readApp(appId, signal), listWorkflows(null, signal)]);
    return { app, workflows: workflows.items };
  }, `${appId}`);
  const [making, setMaking] = useState(false);
  const { state } = loaded;
  return (
    <>
      <PageHeader
        title={t("appSettings.heading")}
        lead={
          state.kind === "loaded" ? (
            <>
              {t("appSettings.appId")} <CopyText text={String(appId)} label={t("appSettings.appId")} /> ·{" "}
              {t("keys.created")} <When at={state.value.app.createdAt} />
            </>
          ) : (
            t("appSettings.lead")
          )
        }
        actions={
          <button type="button" class="button" onClick={() => setMaking(true)}>
            <Icon name="plus" size={16} />
            {t("appSettings.new")}
          </button>
        }
      />
      {state.kind === "loading" && <Skeleton rows={3} height={170} />}
      {state.kind === "failed" && <ErrorState failure={state.failure} retry={loaded.reload} />}
      {state.kind === "loaded" && (
        <AppForm
          key={appId}
          app={state.value.app}
          workflows={state.value.workflows}
          saved={(app) => loaded.replace({ ...state.value, app })}
        />
      )}
      {making && <NewAppDialog close={() => setMaking(false)} />}
    </>
  );
}
