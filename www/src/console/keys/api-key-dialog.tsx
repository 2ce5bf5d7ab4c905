import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { createApiKey, type NewApiKey, SCOPES, type Scope } from "../api/keys.ts";
import { FormDialog } from "../ui/dialog.tsx";
import { CheckField, TextField } from "../ui/field.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";

/** Makes an API key: a name to know it by, and no more scopes than it needs. */
export function ApiKeyDialog({ close, done }: { close: () => void; done: (key: NewApiKey) => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(["read"]);
  const [tried, setTried] = useState(false);
  const task = useTask(async () => done(await createApiKey(name.trim(), scopes)));
  const submit = (): void => {
    setTried(true);
    if (name.trim() !== "" && scopes.length > 0) void task.run();
  };
  return (
    <FormDialog
      title={t("keys.api.new")}
      close={close}
      submit={t("keys.api.create")}
      pending={task.pending}
      problem={<FailureLine failure={task.failure} />}
      onSubmit={submit}
    >
      <TextField
        label={t("keys.api.name")}
        value={name}
        change={setName}
        maxLength={100}
        hint={t("keys.api.name.hint")}
        problem={tried && name.trim() === "" ? t("ui.required") : null}
      />
      <fieldset class="radio-field">
        <legend>{t("keys.scopes")}</legend>
        {SCOPES.map((scope) => (
          <CheckField
            key={scope}
            label={<span class="mono">{scope}</span>}
            hint={t(`keys.scope.${scope}`)}
            checked={scopes.includes(scope)}
            change={(on) => setScopes(SCOPES.filter((one) => (one === scope ? on : scopes.includes(one))))}
          />
        ))}
      </fieldset>
      {tried && scopes.length === 0 && (
        <p class="problem" role="alert">
          {t("keys.scopes.none")}
        </p>
      )}
    </FormDialog>
  );
}
