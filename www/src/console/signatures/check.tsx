import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { type DecodedSignature, decodeSignature } from "../api/signatures.ts";
import { TextArea } from "../ui/field.tsx";
import { FailureLine } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { psignIn } from "./psign.ts";
import { Verdict } from "./verdict.tsx";

/** Finds out what a signature says and why it is refused. A whole link of the player does as well. */
export function CheckSignature() {
  const [text, setText] = useState("");
  const [tried, setTried] = useState(false);
  const [decoded, setDecoded] = useState<DecodedSignature | null>(null);
  const psign = psignIn(text);
  const task = useTask(async () => setDecoded(await decodeSignature(psign)));
  const submit = (): void => {
    setTried(true);
    if (psign !== "") void task.run();
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
        <TextArea
          label={t("signatures.paste")}
          hint={t("signatures.paste.hint")}
          mono
          rows={5}
          value={text}
          change={(next) => {
            setText(next);
            setDecoded(null);
          }}
          problem={tried && psign === "" ? t("ui.required") : null}
        />
        <FailureLine failure={task.failure} />
        <button type="submit" class="button form-submit" aria-disabled={task.pending}>
          {t("signatures.check")}
        </button>
      </form>
      {decoded && <Verdict decoded={decoded} />}
    </>
  );
}
