export const appSettingsEn = {
  "appSettings.heading": "App settings",
  "appSettings.lead": "Name, domains, limits and defaults of this application.",
};
