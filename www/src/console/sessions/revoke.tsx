import { t } from "../../i18n/console.ts";
import { revokeSession, revokeViewer, type Session } from "../api/sessions.ts";
import { confirmed } from "../ui/confirm.tsx";
import { toast } from "../ui/toast.tsx";

/** Asks, says what it means, and does it. */
export function revoked(session: Session): Promise<boolean> {
  return confirmed({
    title: t("sessions.revoke.title"),
    text: (
      <>
        <p>
          <b>{session.uid ?? t("sessions.anonymous")}</b> · <span class="mono">{session.fileId}</span>
        </p>
        <p>{t("sessions.revoke.text")}</p>
        <p>{t("sessions.revoke.again")}</p>
      </>
    ),
    action: t("sessions.revoke"),
    danger: true,
    async act() {
      await revokeSession(session.sessionId);
      toast(t("sessions.revoke.done"));
    },
  });
}

/** The same for all that a viewer has open, on every title. */
export function viewerRevoked(uid: string): Promise<boolean> {
  return confirmed({
    title: t("sessions.revokeViewer.title"),
    text: (
      <>
        <p>
          <b>{uid}</b>
        </p>
        <p>{t("sessions.revokeViewer.text")}</p>
        <p>{t("sessions.revoke.again")}</p>
      </>
    ),
    action: t("sessions.revokeViewer"),
    danger: true,
    async act() {
      const { count } = await revokeViewer(uid);
      toast(t("sessions.revokeViewer.done", { count }));
    },
  });
}
