import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { failureLine } from "../../shared/failure.ts";
import { bytes, duration, percent } from "../../shared/format.ts";
import { href } from "../router.ts";
import { useStore } from "../state/store.ts";
import { ProgressBar } from "../ui/badge.tsx";
import { confirmed } from "../ui/confirm.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { leftSecs, percentOf, type Upload } from "./queue.ts";
import {
  cancelUpload,
  discardInterrupted,
  forgetUpload,
  type Interrupted,
  interruptedUploads,
  pauseUpload,
  resumeUpload,
  uploads,
} from "./uploader.ts";

/** The uploads of this application, from this page and those an earlier one left unfinished. */
export function UploadPanel({ appId, choose }: { appId: number; choose: () => void }) {
  const own = useStore(uploads).filter((upload) => upload.appId === appId);
  const [left, setLeft] = useState<readonly Interrupted[]>([]);
  // An interrupted one that goes on is one of these from then on.
  const stamp = own.map(({ id, state, fileId }) => `${id} ${state} ${fileId}`).join();
  useEffect(() => {
    let shown = true;
    void interruptedUploads(appId).then((found) => shown && setLeft(found));
    return () => {
      shown = false;
    };
  }, [appId, stamp]);
  if (own.length === 0 && left.length === 0) return null;
  const done = own.filter(({ state }) => state === "done");
  const forgetDone = (): void => {
    for (const { id } of done) forgetUpload(id);
  };
  return (
    <section class="card flush uploads" aria-labelledby="uploads-heading">
      <header class="card-header">
        <h2 id="uploads-heading">{t("uploads.heading")}</h2>
        <span class="soft small">{t("uploads.summary", { done: done.length, count: own.length })}</span>
        {done.length > 0 && (
          <button type="button" class="button small" onClick={forgetDone}>
            {t("uploads.clear")}
          </button>
        )}
      </header>
      <ul class="upload-list">
        {own.map((upload) => (
          <UploadRow key={upload.id} upload={upload} />
        ))}
        {left.map((one) => (
          <InterruptedRow
            key={one.key}
            interrupted={one}
            choose={choose}
            discard={() => {
              setLeft(left.filter(({ key }) => key !== one.key));
              void discardInterrupted(one);
            }}
          />
        ))}
      </ul>
    </section>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const { id, name, state, fileId, failure } = upload;
  return (
    <li class={`upload ${state}`} data-upload={name}>
      <div class="upload-words">
        <span class="upload-name">{fileId === null ? name : <a href={href("titles", fileId)}>{name}</a>}</span>
        <span class="soft small number">{failure === null ? words(upload) : null}</span>
      </div>
      {failure !== null && (
        <p class="problem small" role="alert">
          {failureLine(failure)}
        </p>
      )}
      <ProgressBar value={percentOf(upload)} label={t("ui.percent", { name, percent: percent(percentOf(upload)) })} />
      <div class="upload-actions">
        {(state === "sending" || state === "waiting") && (
          <Action icon="pause" label={t("uploads.pause", { name })} act={() => pauseUpload(id)} />
        )}
        {state === "paused" && (
          <Action icon="play" label={t("uploads.resume", { name })} act={() => resumeUpload(id)} />
        )}
        {state === "failed" && (
          <Action icon="retry" label={t("uploads.retry", { name })} act={() => resumeUpload(id)} />
        )}
        {state === "done" ? (
          <Action icon="close" label={t("uploads.forget", { name })} act={() => forgetUpload(id)} />
        ) : (
          <Action icon="close" label={t("uploads.cancel", { name })} act={() => void cancel(upload)} />
        )}
      </div>
    </li>
  );
}

function InterruptedRow(props: { interrupted: Interrupted; choose: () => void; discard: () => void }) {
  const { name, sizeBytes } = props.interrupted;
  return (
    <li class="upload interrupted" data-upload={name}>
      <div class="upload-words">
        <span class="upload-name">{name}</span>
        <span class="soft small">{bytes(sizeBytes)}</span>
      </div>
      <p class="soft small">{t("uploads.interrupted")}</p>
      <div class="upload-actions">
        <button type="button" class="button small" onClick={props.choose}>
          {t("uploads.chooseAgain")}
        </button>
        <Action icon="close" label={t("uploads.cancel", { name })} act={props.discard} />
      </div>
    </li>
  );
}

function Action({ icon, label, act }: { icon: IconName; label: string; act: () => void }) {
  return (
    <button type="button" class="button quiet icon-only small" aria-label={label} title={label} onClick={act}>
      <Icon name={icon} size={17} />
    </button>
  );
}

/** “42% · 12 of 30 MB · 3.1 MB/s · 6 sec left”, as far as it is known. */
function words(upload: Upload): string {
  const { state, sentBytes, sizeBytes, bytesPerSec } = upload;
  if (state === "done") return t("uploads.done", { size: bytes(sizeBytes) });
  if (state === "waiting") return t("uploads.waiting", { size: bytes(sizeBytes) });
  const left = leftSecs(upload);
  return [
    state === "paused" ? t("uploads.paused") : null,
    percent(percentOf(upload)),
    t("uploads.sent", { sent: bytes(sentBytes), size: bytes(sizeBytes) }),
    bytesPerSec === null ? null : `${bytes(bytesPerSec)}/s`,
    left === null ? null : t("ui.left", { time: duration(left) }),
  ]
    .filter((word) => word !== null)
    .join(" · ");
}

async function cancel({ id, name }: Upload): Promise<void> {
  await confirmed({
    title: t("uploads.cancel.heading"),
    text: <p>{t("uploads.cancel.text", { name })}</p>,
    action: t("uploads.cancel.action"),
    danger: true,
    act: () => cancelUpload(id),
  });
}
