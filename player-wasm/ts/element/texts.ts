/** What the element says to viewers, in English and Chinese. */
import type { ErrorCode, KeyveilError } from "../errors.js";

export type Language = "en" | "zh";

interface Texts {
  readonly loading: string;
  readonly retry: string;
  readonly failed: string;
  readonly network: string;
  readonly signature: string;
  readonly expired: string;
  readonly origin: string;
  readonly title: string;
  readonly session: string;
  readonly notCovered: string;
  readonly media: string;
  readonly browser: string;
  readonly installation: string;
}

const TEXTS: Record<Language, Texts> = {
  en: {
    loading: "Loading",
    retry: "Try again",
    failed: "Playback stopped",
    network: "The video can't be reached. Check your connection and try again.",
    signature: "This page is not allowed to play the video. Reload the page, or sign in again.",
    expired: "The permission to watch has expired. Reload the page to go on.",
    origin: "The video can't be played on this website.",
    title: "This video does not exist or is no longer available.",
    session: "The secure connection for this video was lost. Try again.",
    notCovered: "Your permission does not cover this part or quality of the video.",
    media: "The video can't be decoded. Try again, or use another browser.",
    browser: "This browser can't play protected video. Use a current version of Chrome, Edge, Firefox or Safari.",
    installation: "The player is not installed correctly. Tell the owner of this page.",
  },
  zh: {
    loading: "加载中",
    retry: "重试",
    failed: "播放已停止",
    network: "无法连接到视频。请检查网络后重试。",
    signature: "此页面无权播放该视频。请刷新页面或重新登录。",
    expired: "观看许可已过期。请刷新页面后继续。",
    origin: "该视频不能在此网站播放。",
    title: "该视频不存在或已下架。",
    session: "视频的安全连接已断开。请重试。",
    notCovered: "您的许可不包含视频的这一部分或这一清晰度。",
    media: "视频无法解码。请重试，或换用其他浏览器。",
    browser: "此浏览器无法播放受保护的视频。请使用最新版的 Chrome、Edge、Firefox 或 Safari。",
    installation: "播放器未正确安装。请告知此页面的所有者。",
  },
};

const SENTENCES: Partial<Record<ErrorCode, keyof Texts>> = {
  psign_expired: "expired",
  session_expired: "expired",
  url_expired: "expired",
  origin_not_allowed: "origin",
  title_not_found: "title",
  not_found: "title",
  key_not_granted: "notCovered",
  unsupported_browser: "browser",
  wasm_unavailable: "installation",
  worker_crashed: "installation",
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
