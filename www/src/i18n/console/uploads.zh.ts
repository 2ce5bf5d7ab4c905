import type { uploadsEn } from "./uploads.en.ts";

export const uploadsZh: Record<keyof typeof uploadsEn, string> = {
  "uploads.heading": "视频",
};
