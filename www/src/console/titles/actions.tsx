import { t } from "../../i18n/console.ts";
import { failureFrom } from "../../shared/failure.ts";
import { actOnTitle, deleteTitle, type Title, type TitleAction } from "../api/titles.ts";
import type { Changes } from "../live/changes.ts";
import { href } from "../router.ts";
import { confirmed } from "../ui/confirm.tsx";
import type { MenuItem } from "../ui/menu.tsx";
import { toast, toastFailure } from "../ui/toast.tsx";

export function nameOf({ name, fileId }: Pick<Title, "name" | "fileId">): string {
  return name || fileId;
}

/** What the title's state allows. */
export function allowed({ state, mode, job }: Title): readonly (TitleAction | "delete")[] {
  const complete = state === "ready" || state === "published";
  return [
    ...(state === "ready" ? (["publish"] as const) : []),
    ...(state === "published" ? (["unpublish"] as const) : []),
    ...(state === "failed" ? (["retry"] as const) : []),
    ...(complete && mode !== "clear" && job === null ? (["reencrypt"] as const) : []),
    "delete",
  ];
}

/** Asks first where something would be lost, does it, and says so. Answers whether it was done. */
export async function perform(action: TitleAction | "delete", title: Title, changes: Changes): Promise<boolean> {
  const name = nameOf(title);
  const act = async (): Promise<void> => {
    if (action === "delete") {
      await deleteTitle(title.fileId);
      // Newer than what is shown, older than what the stream will tell of it.
      changes.tell({ ...title, state: "deleted", changeSeq: title.changeSeq + 0.5 });
    } else changes.tell(await actOnTitle(title.fileId, action));
    toast(t(`titles.done.${action}`, { name }));
  };
  if (action === "publish" || action === "retry") {
    try {
      await act();
      return true;
    } catch (thrown) {
      toastFailure(failureFrom(thrown));
      return false;
    }
  }
  return confirmed({
    title: t(`titles.${action}.heading`),
    text: <p>{t(`titles.${action}.text`, { name, fileId: title.fileId })}</p>,
    action: action === "unpublish" ? t("titles.act.unpublish") : t(`titles.${action}.action`),
    danger: action !== "reencrypt",
    act,
  });
}

/** The row's menu. */
export function menuItems(title: Title, changes: Changes): readonly MenuItem[] {
  return [
    { key: "open", label: t("titles.act.open"), href: href("titles", title.fileId) },
    ...allowed(title).map((action) => ({
      key: action,
      label: t(`titles.act.${action}`),
      danger: action === "delete",
      act: () => void perform(action, title, changes),
    })),
  ];
}
