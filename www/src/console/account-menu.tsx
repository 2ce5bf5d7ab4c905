import { useState } from "preact/hooks";
import { t } from "../i18n/console.ts";
import { changePassword, type User } from "./api/account.ts";
import { signOut } from "./state/account.ts";
import { FormDialog } from "./ui/dialog.tsx";
import { TextField } from "./ui/field.tsx";
import { Icon } from "./ui/icon.tsx";
import { Menu } from "./ui/menu.tsx";
import { FailureLine } from "./ui/states.tsx";
import { useTask } from "./ui/task.ts";
import { toast } from "./ui/toast.tsx";

/** What a person does with the own account. */
export function AccountMenu({ user }: { user: User }) {
  const [changing, setChanging] = useState(false);
  return (
    <>
      <Menu
        label={t("account.menu", { name: user.name })}
        buttonClass="button quiet account-button"
        items={[
          { key: "password", label: t("account.password"), act: () => setChanging(true) },
          { key: "sign-out", label: t("account.signOut"), act: () => void signOut() },
        ]}
      >
        <Icon name="user" />
        <span class="account-name">{user.name}</span>
        <Icon name="chevron" size={14} />
      </Menu>
      {changing && <PasswordDialog close={() => setChanging(false)} />}
    </>
  );
}

/** As the server counts them. */
const PASSWORD_CHARS_MIN = 12;

function PasswordDialog({ close }: { close: () => void }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [repeated, setRepeated] = useState("");
  const [tried, setTried] = useState(false);
  const task = useTask(() => changePassword(current, next));
  const short = [...next].length < PASSWORD_CHARS_MIN;
  const submit = async (): Promise<void> => {
    setTried(true);
    if (current === "" || short || next !== repeated || !(await task.run())) return;
    toast(t("account.password.done"));
    close();
  };
  return (
    <FormDialog
      title={t("account.password")}
      close={close}
      submit={t("account.password.submit")}
      pending={task.pending}
      problem={<FailureLine failure={task.failure} />}
      onSubmit={submit}
    >
      <TextField
        label={t("account.password.current")}
        type="password"
        autocomplete="current-password"
        value={current}
        change={setCurrent}
        problem={tried && current === "" ? t("ui.required") : null}
      />
      <TextField
        label={t("account.password.next")}
        type="password"
        autocomplete="new-password"
        value={next}
        change={setNext}
        hint={t("account.password.next.hint")}
        problem={tried && short ? t("account.password.short") : null}
      />
      <TextField
        label={t("account.password.repeat")}
        type="password"
        autocomplete="new-password"
        value={repeated}
        change={setRepeated}
        problem={tried && !short && next !== repeated ? t("account.password.differs") : null}
      />
    </FormDialog>
  );
}
