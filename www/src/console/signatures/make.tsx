import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { createSignature, type DecodedSignature, decodeSignature } from "../api/signatures.ts";
import type { TrackClass } from "../api/titles.ts";
import { usePlace } from "../router.ts";
import { copy } from "../ui/copy.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { TitlePicker } from "../ui/title-picker.tsx";
import { limitProblems, limitsOf, NO_LIMITS } from "./limits.ts";
import { LimitsPart } from "./limits-part.tsx";
import { playerAddress } from "./psign.ts";
import { Verdict } from "./verdict.tsx";

const EXPIRIES = { "900": "15m", "3600": "1h", "86400": "1d", "604800": "7d" } as const;
type Expiry = keyof typeof EXPIRIES | "own";
const EXPIRY_CHOICES = [...(Object.keys(EXPIRIES) as (keyof typeof EXPIRIES)[]), "own"] as const;
const TRACKS: readonly TrackClass[] = ["AUDIO", "SD", "HD", "UHD"];
const UID_BYTES_MAX = 128;
const EXPIRY_SECS_MAX = 366 * 86_400;

interface Made {
  readonly fileId: string;
  readonly psign: string;
  readonly decoded: DecodedSignature;
}

/** Makes a signature: for a try, or to send someone a link. */
export function MakeSignature() {
  const asked = usePlace().query.get("fileId") ?? "";
  const [fileId, setFileId] = useState(asked);
  const [uid, setUid] = useState("");
  const [expiry, setExpiry] = useState<Expiry>("3600");
  const [secs, setSecs] = useState("7200");
  const [maxTrack, setMaxTrack] = useState<TrackClass>("UHD");
  const [limits, setLimits] = useState(NO_LIMITS);
  const [tried, setTried] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const expiresInSecs = Number(expiry === "own" ? secs : expiry);
  const secsWrong = !(Number.isInteger(expiresInSecs) && expiresInSecs >= 1 && expiresInSecs <= EXPIRY_SECS_MAX);
  const uidWrong = new TextEncoder().encode(uid.trim()).length > UID_BYTES_MAX;
  const task = useTask(async () => {
    const viewer = { ...(uid.trim() && { uid: uid.trim() }), ...(maxTrack !== "UHD" && { maxTrack }) };
    const { psign } = await createSignature({ fileId, expiresInSecs, ...viewer, ...limitsOf(limits) });
    setMade({ fileId, psign, decoded: await decodeSignature(psign) });
  });
  const submit = (): void => {
    setTried(true);
    const limitsWrong = limitProblems(limits, uid).size > 0;
    if (fileId !== "" && !secsWrong && !uidWrong && !limitsWrong) void task.run();
  };
  return (
    <>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <TitlePicker
          label={t("signatures.title")}
          value={fileId}
          change={setFileId}
          problem={tried && fileId === "" ? t("signatures.title.missing") : null}
        />
        <div class="form-row">
          <TextField
            label={t("signatures.uid")}
            optional
            value={uid}
            change={setUid}
            hint={t("signatures.uid.hint")}
            problem={uidWrong ? t("signatures.uid.long") : null}
          />
          <SelectField<TrackClass>
            label={t("signatures.maxTrack")}
            value={maxTrack}
            choices={TRACKS.map((value) => ({ value, label: t(`signatures.track.${value}`) }))}
            change={setMaxTrack}
            hint={t("signatures.maxTrack.hint")}
          />
        </div>
        <div class="form-row">
          <SelectField<Expiry>
            label={t("signatures.expiry")}
            value={expiry}
            choices={EXPIRY_CHOICES.map((value) => ({
              value,
              label: t(`signatures.expiry.${value === "own" ? "own" : EXPIRIES[value]}`),
            }))}
            change={setExpiry}
            hint={t("signatures.expiry.hint")}
          />
          {expiry === "own" && (
            <TextField
              label={t("signatures.expiry.secs")}
              type="number"
              min={1}
              max={EXPIRY_SECS_MAX}
              unit="s"
              value={secs}
              change={setSecs}
              problem={secsWrong ? t("signatures.expiry.wrong") : null}
            />
          )}
        </div>
        <LimitsPart draft={limits} uid={uid} change={(part) => setLimits((now) => ({ ...now, ...part }))} />
        <FailureLine failure={task.failure} />
        <button type="submit" class="button primary form-submit" aria-disabled={task.pending}>
          {t(task.pending ? "signatures.making" : "signatures.make")}
        </button>
      </form>
      {made && <MadeSignature made={made} />}
    </>
  );
}

function MadeSignature({ made: { fileId, psign, decoded } }: { made: Made }) {
  return (
    <section class="made" aria-label={t("signatures.made")}>
      <code class="mono secret-text psign">{psign}</code>
      <div class="page-actions">
        <a class="button primary" href={playerAddress(fileId, psign)} target="_blank" rel="noopener">
          <Icon name="play" size={16} />
          {t("signatures.play")}
        </a>
        <button type="button" class="button" onClick={() => copy(psign)}>
          <Icon name="copy" size={16} />
          {t("signatures.copy")}
        </button>
        <button
          type="button"
          class="button"
          onClick={() => copy(new URL(playerAddress(fileId, psign), location.origin).href)}
        >
          <Icon name="link" size={16} />
          {t("signatures.copyLink")}
        </button>
      </div>
      <Verdict decoded={decoded} />
    </section>
  );
}
