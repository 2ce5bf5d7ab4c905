import "../styles/base.css";
import "../styles/player.css";
import { onLanguageChange, t } from "../i18n/i18n.ts";
import { h, required } from "../shared/dom.ts";
import { Failure } from "../shared/failure.ts";
import { clock } from "../shared/format.ts";
import { mountShell } from "../shell/shell.ts";
import { type Curtain, curtain } from "./curtain.ts";
import { parseFragment } from "./fragment.ts";
import { Panel } from "./panel.ts";
import type { Playback } from "./playback.ts";
import type { Watch } from "./watch.ts";

const stage = required("#stage", HTMLElement);
const name = required("#name", HTMLElement);
const facts = required("#facts", HTMLElement);
const content = required("#content", HTMLElement);

mountShell("player");
const panel = new Panel(required("#panel", HTMLElement));
let watch: Watch | null = null;
let playback: Playback | null = null;
let drawn: HTMLElement | null = null;
let shown: Curtain | null = null;
let latest = 0;

onLanguageChange(() => {
  watch?.translate();
  cover(shown);
  about();
});
window.addEventListener("hashchange", () => void begin());
document.addEventListener("keydown", (event) => {
  // From nowhere in particular: the player's own controls, links and buttons have their own meanings of these keys.
  const anywhere = event.target === document.body || event.target === content;
  const plain = !(event.ctrlKey || event.altKey || event.metaKey || event.shiftKey);
  if (anywhere && plain && shown === null && watch?.press(event.key)) event.preventDefault();
});
window.addEventListener("pagehide", () => watch?.end());
window.addEventListener("pageshow", (event) => event.persisted && void begin());
void begin();

async function begin(): Promise<void> {
  latest += 1;
  const own = latest;
  watch?.end();
  watch = null;
  playback = null;
  panel.draw(null);
  about();
  const fragment = parseFragment(location.hash);
  if (fragment === null) {
    cover({ kind: "empty" });
    return;
  }
  cover({ kind: "loading" });
  // The player is most of the page's weight: the page is there before it.
  const loaded = await import("./watch.ts").catch(() => null);
  if (own !== latest) return;
  if (loaded === null) {
    cover({ kind: "failed", failure: new Failure("network"), retry: () => location.reload() });
    return;
  }
  // The page has one signature only: when it has expired, the server says so and the viewer needs a new link.
  const watched = { fileId: fragment.fileId, level: fragment.level, getSignature: () => fragment.psign };
  watch = new loaded.Watch(stage, watched, {
    changed(next) {
      playback = next;
      panel.draw(next);
      about();
    },
    ready: () => cover(null),
    failed: (failure) => cover({ kind: "failed", failure, retry }),
  });
  watch.cover(shown !== null);
}

function retry(): void {
  cover({ kind: "loading" });
  watch?.retry();
}

/** Lays a curtain over the video, or takes it away. */
function cover(next: Curtain | null): void {
  shown = next;
  drawn?.remove();
  drawn = next === null ? null : curtain(next);
  if (drawn !== null) stage.append(drawn);
  watch?.cover(next !== null);
  // A panel of dashes tells nothing: without a title it shows only while one is on its way.
  content.classList.toggle("bare", playback?.title == null && next !== null && next.kind !== "loading");
}

function about(): void {
  const title = playback?.title ?? null;
  const text = title === null ? t("player.title") : title.name || t("player.untitled");
  document.title = title === null ? text : `${text} · ${t("app.name")}`;
  if (name.textContent !== text) name.textContent = text;
  name.classList.toggle("visually-hidden", title === null);
  const chips = title === null ? [] : [t(`panel.mode.${title.mode}`), clock(title.durationMs)];
  if (facts.dataset.chips === chips.join()) return;
  facts.dataset.chips = chips.join();
  const kind = title?.mode === "private" ? "chip good" : "chip warn";
  facts.replaceChildren(...chips.map((chip, index) => h("span", { class: index === 0 ? kind : "chip" }, chip)));
}
