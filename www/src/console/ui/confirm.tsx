import type { ComponentChildren } from "preact";
import { store, useStore } from "../state/store.ts";
import { FormDialog } from "./dialog.tsx";
import { FailureLine } from "./states.tsx";
import { useTask } from "./task.ts";

interface Question {
  readonly title: string;
  readonly text: ComponentChildren;
  /** What the button that does it says: the act itself, never “OK”. */
  readonly action: string;
  readonly danger?: boolean;
  /** Does it; what fails is shown in the dialog, which stays. */
  act(): Promise<unknown>;
}

const asked = store<{ question: Question; answer: (done: boolean) => void } | null>(null);

/** Asks before something that can't be taken back. Answers whether it was done. */
export function confirmed(question: Question): Promise<boolean> {
  asked.get()?.answer(false);
  return new Promise((answer) => asked.set({ question, answer }));
}

/** Stands once in the page. */
export function Confirm() {
  const now = useStore(asked);
  if (now === null) return null;
  const settle = (done: boolean): void => {
    asked.set(null);
    now.answer(done);
  };
  return <ConfirmDialog key={now.question.title} question={now.question} settle={settle} />;
}

function ConfirmDialog({ question, settle }: { question: Question; settle: (done: boolean) => void }) {
  const task = useTask(question.act);
  return (
    <FormDialog
      title={question.title}
      close={() => settle(false)}
      submit={question.action}
      pending={task.pending}
      danger={question.danger ?? false}
      problem={<FailureLine failure={task.failure} />}
      onSubmit={async () => {
        if (await task.run()) settle(true);
      }}
    >
      <div class="confirm-text">{question.text}</div>
    </FormDialog>
  );
}
