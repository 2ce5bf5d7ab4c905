import { type ConsoleKey, consoleEn, t } from "../../i18n/console.ts";
import { failureText } from "../../shared/failure.ts";
import type { Cause } from "../api/titles.ts";

/** Why a job failed and what helps: in the reader's language where the code is known, else in the server's words. */
export function causeText({ code, message }: Cause): { heading: string; action: string } {
  const key = `cause.${code}`;
  if (key in consoleEn) return { heading: t(key as ConsoleKey), action: t(`${key}.action` as ConsoleKey) };
  if (`failure.${code}` in consoleEn) return failureText({ code });
  return { heading: t("title.failed"), action: message };
}

/** In a few words. */
export function causeLine(cause: Cause): string {
  return causeText(cause).heading;
}
