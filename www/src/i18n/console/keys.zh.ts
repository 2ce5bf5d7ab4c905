import type { keysEn } from "./keys.en.ts";

export const keysZh: Record<keyof typeof keysEn, string> = {
  "keys.heading": "密钥",
  "keys.lead": "签名密钥用于播放签名，API 密钥用于接口请求。",
};
