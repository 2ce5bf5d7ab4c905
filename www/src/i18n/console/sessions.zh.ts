import type { sessionsEn } from "./sessions.en.ts";

export const sessionsZh: Record<keyof typeof sessionsEn, string> = {
  "sessions.heading": "会话",
  "sessions.lead": "正在观看的会话，可随时终止。",
};
