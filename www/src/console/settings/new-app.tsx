import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { createApp, type NewApp } from "../api/apps.ts";
import { appChanged, chooseApp } from "../state/account.ts";
import { SecretDialog } from "../ui/copy.tsx";
import { FormDialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { toast } from "../ui/toast.tsx";

/** Makes an application, tells its first keys, and then goes to it. */
export function NewAppDialog({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [tried, setTried] = useState(false);
  const [made, setMade] = useState<NewApp | null>(null);
  const task = useTask(async () => setMade(await createApp(name.trim())));
  if (made !== null)
    return (
      <SecretDialog
        title={t("appSettings.made", { name: made.name })}
        hint={t("keys.signing.made.hint")}
        secrets={[
          { label: t("appSettings.appId"), text: String(made.appId) },
          { label: t("keys.kid"), text: made.signingKey.kid },
          { label: t("keys.signing.one"), text: made.signingKey.text },
          { label: t("keys.api.one"), text: made.apiKey.text },
        ]}
        close={() => {
          close();
          appChanged(made);
          chooseApp(made.appId);
          toast(t("appSettings.switched", { name: made.name }));
        }}
      />
    );
  return (
    <FormDialog
      title={t("appSettings.new")}
      close={close}
      submit={t("appSettings.create")}
      pending={task.pending}
      problem={<FailureLine failure={task.failure} />}
      onSubmit={() => {
        setTried(true);
        if (name.trim() !== "") void task.run();
      }}
    >
      <p class="soft">{t("appSettings.new.text")}</p>
      <TextField
        label={t("appSettings.name")}
        value={name}
        change={setName}
        maxLength={256}
        problem={tried && name.trim() === "" ? t("ui.required") : null}
      />
    </FormDialog>
  );
}
