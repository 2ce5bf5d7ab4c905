// Drops files onto a page as a person does: the browser's own drag events, with the files' bytes.
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";

const TYPES = { ".mp4": "video/mp4", ".webm": "video/webm" };

export async function drop(page, paths) {
  const files = paths.map((path) => ({
    name: basename(path),
    type: TYPES[extname(path)] ?? "",
    bytes: readFileSync(path).toString("base64"),
  }));
  const data = await page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, type, bytes } of given) {
      const content = Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0));
      transfer.items.add(new File([content], name, { type }));
    }
    return transfer;
  }, files);
  for (const event of ["dragenter", "dragover", "drop"])
    await page.dispatchEvent("body", event, { dataTransfer: data, bubbles: true, cancelable: true });
}
