import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { copy } from "./copy.tsx";
import { Icon } from "./icon.tsx";

/** Text of a program or of a machine, to read and to copy. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div class="code">
      {/* Reachable by keyboard: it scrolls sideways. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrolled by keyboard too */}
      <section class="code-text" tabIndex={0} aria-label={label}>
        <pre>{text}</pre>
      </section>
      <button
        type="button"
        class="button quiet icon-only small"
        aria-label={`${t("ui.copy")}: ${label}`}
        title={t("ui.copy")}
        onClick={() => copy(text)}
      >
        <Icon name="copy" size={15} />
      </button>
    </div>
  );
}

export function Json({ value, label }: { value: unknown; label: string }) {
  return <Code text={JSON.stringify(value, null, 2)} label={label} />;
}

export interface Sample {
  readonly name: string;
  readonly code: string;
}

/** The same in several languages. */
export function CodeSamples({ samples, label }: { samples: readonly Sample[]; label: string }) {
  const [chosen, setChosen] = useState(0);
  const sample = samples[chosen];
  return (
    <div class="samples">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields; these are buttons */}
      <div class="tabs" role="group" aria-label={label}>
        {samples.map(({ name }, index) => (
          <button key={name} type="button" class="tab" aria-pressed={index === chosen} onClick={() => setChosen(index)}>
            {name}
          </button>
        ))}
      </div>
      {sample && <Code key={sample.name} text={sample.code} label={`${label}: ${sample.name}`} />}
    </div>
  );
}
