import { useState } from "preact/hooks";
import { type ConsoleKey, t } from "../../i18n/console.ts";
import type { Failure } from "../../shared/failure.ts";
import { duration } from "../../shared/format.ts";
import { CIPHERS, type WorkflowSettings } from "../api/workflows.ts";
import { RadioField, TextField } from "../ui/field.tsx";
import { FormPart } from "../ui/form-part.tsx";
import { FailureLine } from "../ui/states.tsx";
import { checkDraft, serverProblem } from "./check.ts";
import { settingsOf, type WorkflowDraft } from "./draft.ts";
import { PicturesPart } from "./pictures-part.tsx";
import { VideoPart } from "./video-part.tsx";

/** What each part of the form is given. */
export interface PartProps {
  readonly draft: WorkflowDraft;
  change(change: Partial<WorkflowDraft>): void;
  /** The text of what is wrong with a field, or null. */
  problem(field: string): string | null;
}

interface EditorProps {
  readonly initial: WorkflowDraft;
  /** A new one has no id yet, and may be given one. */
  readonly isNew: boolean;
  readonly pending: boolean;
  readonly failure: Failure | null;
  readonly submit: string;
  save(draft: WorkflowDraft, settings: WorkflowSettings): void;
  discard(): void;
}

const FIELDS = [
  "name",
  "workflowId",
  "ladder.maxEdge",
  "ladder.rungs",
  "audioBitRate",
  "segmentSecs",
  "periodSegments",
  "cover.positionMs",
  "sprites.everySecs",
  "sprites.width",
  "sprites.height",
];

/** The form of a workflow. A field says what is wrong once it was touched, or once saving was tried. */
export function WorkflowEditor(props: EditorProps) {
  const [draft, setDraft] = useState(props.initial);
  const [touched, setTouched] = useState(false);
  const [tried, setTried] = useState(false);
  const problems = checkDraft(draft);
  // The server's word holds until something is changed.
  const server = touched ? null : serverProblem(props.failure?.detail ?? null, FIELDS);
  const part: PartProps = {
    draft,
    change(change) {
      setTouched(true);
      setDraft((now) => ({ ...now, ...change }));
    },
    problem(field) {
      const own = problems.get(field);
      const early = field === "name" && !tried;
      if (own !== undefined && !early) return t(own.key, own.values);
      return server?.field === field ? server.text : null;
    },
  };
  const save = (): void => {
    setTried(true);
    if (problems.size > 0) {
      focusFirstWrong();
      return;
    }
    setTouched(false);
    props.save(draft, settingsOf(draft));
  };
  return (
    <form
      class="parts"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <BasicsPart {...part} isNew={props.isNew} />
      <VideoPart {...part} />
      <ProtectionPart {...part} />
      <PicturesPart {...part} />
      <FormPart title={t("workflows.part.after")}>
        <RadioField
          label={t("workflows.publish")}
          value={draft.publish}
          choices={hinted(["auto", "manual"], "workflows.publish")}
          change={(publish) => part.change({ publish })}
        />
      </FormPart>
      <footer class="form-foot">
        {tried && problems.size > 0 && <p class="problem">{t("workflows.wrong")}</p>}
        {server === null && <FailureLine failure={props.failure} />}
        <button type="button" class="button" onClick={props.discard}>
          {t(props.isNew ? "ui.cancel" : "workflows.discard")}
        </button>
        <button type="submit" class="button primary" aria-disabled={props.pending}>
          {props.pending ? t("ui.saving") : props.submit}
        </button>
      </footer>
    </form>
  );
}

function BasicsPart({ draft, change, problem, isNew }: PartProps & { isNew: boolean }) {
  return (
    <FormPart title={t("workflows.part.basics")} lead={isNew ? t("workflows.new.lead") : null}>
      <TextField
        label={t("workflows.name")}
        value={draft.name}
        change={(name) => change({ name })}
        problem={problem("name")}
        maxLength={256}
      />
      {isNew && (
        <TextField
          label={t("workflows.id")}
          optional
          mono
          value={draft.workflowId}
          change={(workflowId) => change({ workflowId: workflowId.trim() })}
          hint={t("workflows.id.hint")}
          problem={problem("workflowId")}
          maxLength={64}
        />
      )}
    </FormPart>
  );
}

const MODES = ["private", "standard", "clear"] as const;

function ProtectionPart({ draft, change, problem }: PartProps) {
  const secs = Number(draft.segmentSecs) * Number(draft.periodSegments);
  return (
    <FormPart title={t("workflows.part.protection")}>
      <RadioField
        label={t("workflows.mode")}
        value={draft.mode}
        choices={MODES.map((value) => ({ value, label: t(`mode.${value}`), hint: t(`workflows.mode.${value}.hint`) }))}
        change={(mode) => change({ mode })}
      />
      {draft.mode === "private" && (
        <RadioField
          label={t("workflows.cipher")}
          value={draft.cipher}
          choices={hinted(CIPHERS, "workflows.cipher")}
          change={(cipher) => change({ cipher })}
        />
      )}
      <div class="form-row">
        <TextField
          label={t("workflows.segment")}
          type="number"
          min={1}
          max={60}
          unit="s"
          value={draft.segmentSecs}
          change={(segmentSecs) => change({ segmentSecs })}
          hint={t("workflows.segment.hint")}
          problem={problem("segmentSecs")}
        />
        <TextField
          label={t("workflows.period")}
          type="number"
          min={1}
          max={10000}
          unit={t("workflows.period.unit")}
          value={draft.periodSegments}
          change={(periodSegments) => change({ periodSegments })}
          hint={t("workflows.period.hint")}
          problem={problem("periodSegments")}
        />
      </div>
      {draft.mode !== "clear" && (
        <TextField
          label={t("workflows.clearLead")}
          type="number"
          min={0}
          max={600}
          unit="s"
          value={draft.clearLeadSecs}
          change={(clearLeadSecs) => change({ clearLeadSecs })}
          hint={t("workflows.clearLead.hint")}
          problem={problem("clearLeadSecs")}
        />
      )}
      {draft.mode !== "clear" && secs > 0 && Number.isFinite(secs) && (
        <p class="callout">{t("workflows.period.means", { time: duration(secs) })}</p>
      )}
    </FormPart>
  );
}

/** Choices whose label is `<prefix>.<value>` and whose hint is `<prefix>.<value>.hint`. */
export function hinted<const Value extends string, Prefix extends string>(
  values: readonly Value[],
  prefix: Prefix & (`${Prefix}.${Value}` extends ConsoleKey ? unknown : never),
): readonly { value: Value; label: string; hint: string }[] {
  return values.map((value) => ({
    value,
    label: t(`${prefix}.${value}` as ConsoleKey),
    hint: t(`${prefix}.${value}.hint` as ConsoleKey),
  }));
}

function focusFirstWrong(): void {
  // After the problems have been drawn; in the middle, because the foot of the form lies over the window's end.
  requestAnimationFrame(() => {
    const wrong = document.querySelector<HTMLElement>(".parts [aria-invalid=true]");
    wrong?.focus({ preventScroll: true });
    wrong?.scrollIntoView({ block: "center" });
  });
}
