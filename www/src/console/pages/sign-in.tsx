import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { Preferences } from "../frame.tsx";
import { signIn } from "../state/account.ts";
import { Brand, Mark } from "../ui/brand.tsx";
import { TextField } from "../ui/field.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";

/** Stands in the place of whatever page was asked for: the address stays, so that one goes on where one was. */
export function SignInPage({ again }: { again: boolean }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const task = useTask(() => signIn(name.trim(), password));
  useEffect(() => {
    document.title = `${t("signIn.heading")} · ${t("app.name")}`;
    form.current?.querySelector("input")?.focus();
  }, []);
  const submit = async (): Promise<void> => {
    setTried(true);
    if (name.trim() === "" || password === "" || (await task.run())) return;
    setPassword("");
    setTried(false);
    form.current?.querySelector<HTMLInputElement>("input[type=password]")?.focus();
  };
  const missing = (value: string): string | null => (tried && value.trim() === "" ? t("ui.required") : null);
  return (
    <>
      <header class="bar console-bar">
        <Brand />
        <Preferences />
      </header>
      <main id="content" class="sign-in" tabIndex={-1}>
        <form
          ref={form}
          class="card form sign-in-form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Mark />
          <h1>{t("signIn.heading")}</h1>
          <p class="soft">{t("signIn.lead")}</p>
          {again && <p class="callout">{t("signIn.again")}</p>}
          <TextField
            label={t("signIn.name")}
            name="username"
            autocomplete="username"
            value={name}
            change={setName}
            problem={missing(name)}
          />
          <TextField
            label={t("signIn.password")}
            type="password"
            name="password"
            autocomplete="current-password"
            value={password}
            change={setPassword}
            problem={missing(password)}
          />
          <FailureLine failure={task.failure} />
          <button type="submit" class="button primary large" aria-disabled={task.pending}>
            {t(task.pending ? "signIn.pending" : "signIn.submit")}
          </button>
          <p class="soft small">{t("signIn.help")}</p>
        </form>
      </main>
    </>
  );
}
