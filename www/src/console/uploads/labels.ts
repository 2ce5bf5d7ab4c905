const LABELS_MAX = 32;

/** `"course,  2026 ,course"` → `["course", "2026"]`. Chinese commas separate too. */
export function parseLabels(text: string): readonly string[] {
  const labels = text.split(/[,，、;；\n]/).map((label) => label.trim());
  return [...new Set(labels.filter((label) => label !== ""))].slice(0, LABELS_MAX);
}
