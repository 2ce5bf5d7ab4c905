import type { eventsEn } from "./events.en.ts";

export const eventsZh: Record<keyof typeof eventsEn, string> = {
  "events.heading": "事件与回调",
  "events.lead": "发生了什么，以及通知给谁。",
};
