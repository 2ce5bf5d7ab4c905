import type { appSettingsEn } from "./app-settings.en.ts";

export const appSettingsZh: Record<keyof typeof appSettingsEn, string> = {
  "appSettings.heading": "应用设置",
  "appSettings.lead": "应用的名称、域名、限制与默认值。",
};
