import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A part of a long form: its name and what it is about on the left, its fields on the right; one above the other where it is narrow. */
export function FormPart(props: { title: string; lead?: ComponentChildren; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="card form-part" aria-labelledby={id}>
      <header>
        <h2 id={id}>{props.title}</h2>
        {props.lead && <p class="soft">{props.lead}</p>}
      </header>
      <div class="form">{props.children}</div>
    </section>
  );
}
