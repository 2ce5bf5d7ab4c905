import type { titleEn } from "./title.en.ts";

export const titleZh: Record<keyof typeof titleEn, string> = {
  "title.heading": "视频",
};
