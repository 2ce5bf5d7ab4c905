import type { titlesEn } from "./titles.en.ts";

export const titlesZh: Record<keyof typeof titlesEn, string> = {
  "titles.heading": "视频",
};
