import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { Icon } from "../ui/icon.tsx";

/** Takes files dropped anywhere on the page, and says so while they hang over it. */
export function DropZone({ drop }: { drop: (files: readonly File[]) => void }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    // Every element that is crossed says it is entered and left: only their balance tells when the page is left.
    let depth = 0;
    const holdsFiles = (event: DragEvent): boolean =>
      (event.dataTransfer?.types.includes("Files") ?? false) && document.querySelector("dialog[open]") === null;
    const on = (change: number) => (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      depth = Math.max(0, depth + change);
      setOver(depth > 0);
    };
    const listeners: [string, (event: DragEvent) => void][] = [
      ["dragenter", on(1)],
      ["dragleave", on(-1)],
      ["dragover", on(0)],
      [
        "drop",
        (event) => {
          if (!holdsFiles(event)) return;
          event.preventDefault();
          depth = 0;
          setOver(false);
          drop([...(event.dataTransfer?.files ?? [])]);
        },
      ],
    ];
    for (const [type, listener] of listeners) window.addEventListener(type, listener as EventListener);
    return () => {
      for (const [type, listener] of listeners) window.removeEventListener(type, listener as EventListener);
    };
  }, [drop]);
  if (!over) return null;
  return (
    <div class="drop-over">
      <div>
        <Icon name="upload" size={40} />
        <p>{t("uploads.drop")}</p>
      </div>
    </div>
  );
}
