import type { auditEn } from "./audit.en.ts";

export const auditZh: Record<keyof typeof auditEn, string> = {
  "audit.heading": "审计",
  "audit.lead": "密钥下发与管理操作的完整记录，链式哈希可发现篡改。",
};
