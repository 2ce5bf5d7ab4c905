import { type MessageKey, onLanguageChange, t } from "../i18n/i18n.ts";
import { h } from "../shared/dom.ts";
import { dateTime, fromNow, millis } from "../shared/format.ts";
import type { Level } from "../shared/level.ts";
import { currentPeriod, type Playback } from "./playback.ts";
import { Sparkline } from "./sparkline.ts";

/** The quiet panel beside the video. It is drawn from a `Playback`, at most a few times a second. */
export class Panel {
  readonly #root: HTMLElement;
  readonly #spark = new Sparkline();
  #rows = new Map<Row, HTMLElement>();
  #playback: Playback | null = null;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#build();
    onLanguageChange(() => {
      this.#build();
      this.draw(this.#playback);
    });
  }

  draw(playback: Playback | null): void {
    this.#playback = playback;
    const { title = null } = playback ?? {};
    this.#set("mode", title && t(`panel.mode.${title.mode}`));
    this.#set("cipher", title && cipherName(title.cipher));
    this.#drawLevel(playback?.level ?? null);
    this.#chips(title?.trackClasses ?? []);
    this.#set("keys", title && t(KEYS_IN_PAGE[title.mode]));
    this.#set("file", title?.fileId ?? null);
    this.#drawNow(playback);
    this.#drawSession(playback);
  }

  /** Clear titles have no level: the row shows where there is one. */
  #drawLevel(level: Level | null): void {
    this.#set("level", level && t(`panel.level.${level}`));
    this.#set("levelIs", level && t(`panel.level.${level}.is`));
    const row = this.#rows.get("level")?.closest<HTMLElement>("dl > div");
    if (row) row.hidden = level === null;
  }

  #drawNow(playback: Playback | null): void {
    const exchange = playback?.exchanges.last.at(-1);
    const count = playback?.exchanges.count ?? 0;
    this.#set("exchange", exchange === undefined ? null : t("panel.exchange.count", { ms: millis(exchange), count }));
    const decrypts = playback?.decrypts.last ?? [];
    const last = decrypts.at(-1);
    this.#set("decrypt", last === undefined ? null : millis(last));
    const mean = { count: playback?.decrypts.count ?? 0, ms: millis(playback?.decrypts.meanMs ?? 0) };
    this.#set("average", last === undefined ? "" : t("panel.decrypt.average", mean));
    this.#spark.draw(decrypts, sparkLabel(decrypts));
    const period = playback && currentPeriod(playback);
    this.#set("period", period && t("panel.period.of", period));
    this.#set("rendition", playback?.rendition ?? null);
    this.#set("buffer", playback?.title ? t("panel.secs", { secs: playback.bufferedSecs.toFixed(1) }) : null);
  }

  #drawSession(playback: Playback | null): void {
    const clear = playback?.title?.mode === "clear";
    const expiresAt = playback?.expiresAt ?? null;
    const row = this.#rows.get("expires");
    if (expiresAt === null) {
      this.#set("expires", clear ? t("panel.session.none") : null);
      row?.removeAttribute("title");
      return;
    }
    this.#set("expires", fromNow(expiresAt, Date.now() / 1000));
    row?.setAttribute("title", dateTime(expiresAt));
  }

  #build(): void {
    this.#rows = new Map();
    const decrypt = h("div", { class: "decrypt" }, this.#value("decrypt"), this.#value("average", "soft"));
    decrypt.append(this.#spark.element);
    const keys = h("dd", {}, this.#value("keys", "strong"));
    keys.append(h("details", {}, h("summary", {}, t("panel.keys.why")), h("p", {}, t("panel.keys.text"))));
    this.#root.replaceChildren(
      h("h2", { class: "visually-hidden" }, t("panel.title")),
      section("panel.protection", [
        this.#row("panel.mode", "mode"),
        h(
          "div",
          { hidden: true },
          h("dt", {}, t("panel.level")),
          h("dd", {}, this.#value("level"), this.#value("levelIs", "soft below")),
        ),
        this.#row("panel.cipher", "cipher"),
        this.#row("panel.tracks", "tracks"),
        h("div", { class: "wide" }, h("dt", {}, t("panel.keys")), keys),
      ]),
      section("panel.now", [
        this.#row("panel.exchange", "exchange"),
        h("div", { class: "wide" }, h("dt", {}, t("panel.decrypt")), h("dd", {}, decrypt)),
        this.#row("panel.period", "period"),
        this.#row("panel.rendition", "rendition"),
        this.#row("panel.buffer", "buffer"),
      ]),
      section("panel.session", [this.#row("panel.expires", "expires"), this.#row("panel.file", "file", "mono")]),
    );
  }

  #row(label: MessageKey, row: Row, kind = ""): HTMLElement {
    return h("div", {}, h("dt", {}, t(label)), h("dd", {}, this.#value(row, kind)));
  }

  #value(row: Row, kind = ""): HTMLElement {
    const element = h("span", { class: kind, "data-row": row }, t("panel.unknown"));
    this.#rows.set(row, element);
    return element;
  }

  #set(row: Row, text: string | null): void {
    const element = this.#rows.get(row);
    const shown = text ?? t("panel.unknown");
    if (element && element.textContent !== shown) element.textContent = shown;
  }

  #chips(classes: readonly string[]): void {
    const element = this.#rows.get("tracks");
    if (!element || element.dataset.classes === classes.join()) return;
    element.dataset.classes = classes.join();
    element.replaceChildren(...classes.map((name) => h("span", { class: "chip" }, name)));
    if (classes.length === 0) element.textContent = t("panel.unknown");
  }
}

/** What stands for the number of keys that this page's JavaScript sees. */
const KEYS_IN_PAGE = {
  private: "panel.keys.none",
  standard: "panel.keys.standard",
  clear: "panel.keys.clear",
} as const;

type Row =
  | "mode"
  | "level"
  | "levelIs"
  | "cipher"
  | "tracks"
  | "keys"
  | "exchange"
  | "decrypt"
  | "average"
  | "period"
  | "rendition"
  | "buffer"
  | "expires"
  | "file";

function section(label: MessageKey, rows: HTMLElement[]): HTMLElement {
  return h("section", {}, h("h3", {}, t(label)), h("dl", {}, ...rows));
}

function cipherName(cipher: string | null): string {
  if (cipher === null) return t("panel.cipher.none");
  if (cipher === "aes-128-cbc" || cipher === "chacha20-poly1305") return t(`panel.cipher.${cipher}`);
  return cipher;
}

function sparkLabel(values: readonly number[]): string {
  if (values.length === 0) return t("panel.unknown");
  return t("panel.decrypt.chart", {
    count: values.length,
    min: millis(Math.min(...values)),
    max: millis(Math.max(...values)),
    last: millis(values.at(-1) ?? 0),
  });
}
