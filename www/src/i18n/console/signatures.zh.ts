import type { signaturesEn } from "./signatures.en.ts";

export const signaturesZh: Record<keyof typeof signaturesEn, string> = {
  "signatures.heading": "播放签名",
  "signatures.lead": "生成播放签名，或查明签名被拒绝的原因。",
};
