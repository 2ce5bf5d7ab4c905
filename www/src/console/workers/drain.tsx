import { t } from "../../i18n/console.ts";
import { failureFrom } from "../../shared/failure.ts";
import { setWorkerDrain, type Worker } from "../api/workers.ts";
import { confirmed } from "../ui/confirm.tsx";
import { toast, toastFailure } from "../ui/toast.tsx";

/** Has a worker take no more jobs, or take them again: as it is then, or null when nothing was done. */
export async function drainSet(worker: Worker): Promise<Worker | null> {
  const { workerId, name } = worker;
  if (worker.drain) {
    try {
      const changed = await setWorkerDrain(workerId, false);
      toast(t("workers.undrained", { name }));
      return changed;
    } catch (thrown) {
      toastFailure(failureFrom(thrown));
      return null;
    }
  }
  let changed: Worker | null = null;
  await confirmed({
    title: t("workers.drain.title", { name }),
    text: <p>{t("workers.drain.text")}</p>,
    action: t("workers.drain"),
    act: async () => {
      changed = await setWorkerDrain(workerId, true);
    },
  });
  if (changed !== null) toast(t("workers.drained", { name }));
  return changed;
}
