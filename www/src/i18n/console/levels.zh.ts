import type { levelsEn } from "./levels.en.ts";

export const levelsZh: Record<keyof typeof levelsEn, string> = {
  "level.sealed": "密封",
  "level.guarded": "防护",
  "level.standard": "标准",
  "level.sealed.is": "据播放器所述，明文视频未离开其 Worker。",
  "level.guarded.is": "据播放器所述，密钥未离开其 Worker，明文视频进入了页面。",
  "level.standard.is": "密钥公开下发。",

  "level.least": "允许的最低级别",
  "level.least.sealed": "仅密封",
  "level.least.sealed.hint":
    "明文视频不进入页面，在页面中复制视频的工具一无所获；需要 Chrome、Edge 等基于 Chromium 的浏览器。",
  "level.least.guarded": "防护或密封",
  "level.least.guarded.hint": "增加 Firefox 与 Safari：密钥对页面不可见，但页面中的工具可以在播放时复制明文视频。",
  "level.least.standard": "任何级别",
  "level.least.standard.hint": "增加标准 HLS 视频：密钥公开下发，能观看的人也能复制。",
  "level.least.inherit": "按应用设置",
  "level.least.tighten": "可以比应用设置更严格，不能更宽松。",

  "level.below": "较低级别可获得",
  "level.below.refuse": "无：拒绝播放",
  "level.below.AUDIO": "仅声音",
  "level.below.SD": "最高 SD",
  "level.below.HD": "最高 HD",
  "level.below.UHD": "最高 UHD，即全部",
  "level.below.hint": "标准 HLS 视频总是较低级别；未加密的视频没有级别。",

  "level.downgrade.browser": "浏览器的 Worker 中没有 MediaSource。",
  "level.downgrade.application": "由页面要求。",
  "level.downgrade.own_hls": "页面使用自带的 hls.js。",
  "level.downgrade.hls_settings": "页面的 hls.js 设置中含有函数。",
  "level.downgrade.old_player": "播放器版本较旧。",
  "level.downgrade.browser.short": "浏览器不支持",
  "level.downgrade.application.short": "页面要求",
  "level.downgrade.own_hls.short": "自带 hls.js",
  "level.downgrade.hls_settings.short": "hls.js 设置",
  "level.downgrade.old_player.short": "旧版播放器",
};
