/** What the element says to viewers, in English and Chinese. */
import type { ErrorCode, KeyveilError } from "../errors.js";

export type Language = "en" | "zh";

interface Texts {
  readonly loading: string;
  readonly retry: string;
  readonly previewEnded: string;
  readonly failed: string;
  readonly network: string;
  readonly busy: string;
  readonly signature: string;
  readonly expired: string;
  readonly used: string;
  readonly usedUp: string;
  readonly address: string;
  readonly addresses: string;
  readonly origin: string;
  readonly title: string;
  readonly session: string;
  readonly superseded: string;
  readonly notCovered: string;
  readonly media: string;
  readonly browser: string;
  readonly installation: string;
  readonly altered: string;
  readonly watermark: string;
}

const TEXTS: Record<Language, Texts> = {
  en: {
    loading: "Loading",
    retry: "Try again",
    previewEnded: "The preview has ended.",
    failed: "Playback stopped",
    network: "The video can't be reached. Check your connection and try again.",
    busy: "Too much is asked of the video's server right now. Try again in a moment.",
    signature: "This page is not allowed to play the video. Reload the page, or sign in again.",
    expired: "The permission to watch has expired. Reload the page to go on.",
    used: "This permission to watch was used already. Reload the page to get a new one.",
    usedUp: "This permission to watch was used too often. Reload the page to get a new one.",
    address: "The video can't be played from your network.",
    addresses: "This permission to watch is in use in too many places. Reload the page to get a new one.",
    origin: "The video can't be played on this website.",
    title: "This video does not exist or is no longer available.",
    session: "The secure connection for this video was lost. Try again.",
    superseded: "You are watching elsewhere, and playback goes on there. Try again to watch here instead.",
    notCovered: "Your permission does not cover this part or quality of the video.",
    media: "The video can't be decoded. Try again, or use another browser.",
    browser: "This browser can't play protected video. Use a current version of Chrome, Edge, Firefox or Safari.",
    installation: "The player is not installed correctly. Tell the owner of this page.",
    altered: "A file of the player is not the one that belongs to it. Reload the page; if it stays, tell its owner.",
    watermark:
      "Something on this page keeps removing the mark over the video. Switch it off, such as an extension, and try again.",
  },
  zh: {
    loading: "加载中",
    retry: "重试",
    previewEnded: "试看已结束。",
    failed: "播放已停止",
    network: "无法连接到视频。请检查网络后重试。",
    busy: "视频服务器繁忙。请稍后重试。",
    signature: "此页面无权播放该视频。请刷新页面或重新登录。",
    expired: "观看许可已过期。请刷新页面后继续。",
    used: "此观看许可已被使用。请刷新页面以重新获取。",
    usedUp: "此观看许可的使用次数过多。请刷新页面以重新获取。",
    address: "您所在的网络无法播放该视频。",
    addresses: "此观看许可正在过多的地方使用。请刷新页面以重新获取。",
    origin: "该视频不能在此网站播放。",
    title: "该视频不存在或已下架。",
    session: "视频的安全连接已断开。请重试。",
    superseded: "您正在其他地方观看，播放已转到那里。若要在此观看，请重试。",
    notCovered: "您的许可不包含视频的这一部分或这一清晰度。",
    media: "视频无法解码。请重试，或换用其他浏览器。",
    browser: "此浏览器无法播放受保护的视频。请使用最新版的 Chrome、Edge、Firefox 或 Safari。",
    installation: "播放器未正确安装。请告知此页面的所有者。",
    altered: "播放器的文件与预期不符。请刷新页面；若仍出现，请告知此页面的所有者。",
    watermark: "此页面上有程序（例如浏览器扩展）不断移除视频上的标记。请停用后重试。",
  },
};

const SENTENCES: Partial<Record<ErrorCode, keyof Texts>> = {
  psign_expired: "expired",
  session_expired: "expired",
  url_expired: "expired",
  psign_used: "used",
  key_uses_exhausted: "usedUp",
  address_not_allowed: "address",
  address_limit: "addresses",
  session_superseded: "superseded",
  preview_ended: "previewEnded",
  rate_limited: "busy",
  kms_unavailable: "busy",
  unavailable: "busy",
  origin_not_allowed: "origin",
  title_not_found: "title",
  not_found: "title",
  key_not_granted: "notCovered",
  track_not_allowed: "notCovered",
  watermark_removed: "watermark",
  unsupported_browser: "browser",
  level_not_allowed: "browser",
  wasm_unavailable: "installation",
  wasm_altered: "altered",
  worker_crashed: "installation",
  worker_blocked: "installation",
  source_not_opened: "installation",
  build_missing: "installation",
  build_unknown: "installation",
  server_key_unknown: "installation",
};

export function languageOf(tag: string): Language {
  return /^zh\b/i.test(tag) ? "zh" : "en";
}

export function texts(language: Language): Texts {
  return TEXTS[language];
}

/** A sentence for viewers; the code stands beside it for whoever helps them. */
export function errorSentence({ code, type }: KeyveilError, language: Language): string {
  const key = SENTENCES[code] ?? (type === "environment" ? "failed" : type);
  return TEXTS[language][key];
}
