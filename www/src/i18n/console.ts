import { appSettingsEn } from "./console/app-settings.en.ts";
import { appSettingsZh } from "./console/app-settings.zh.ts";
import { auditEn } from "./console/audit.en.ts";
import { auditZh } from "./console/audit.zh.ts";
import { causesEn } from "./console/causes.en.ts";
import { causesZh } from "./console/causes.zh.ts";
import { commonEn } from "./console/common.en.ts";
import { commonZh } from "./console/common.zh.ts";
import { eventsEn } from "./console/events.en.ts";
import { eventsZh } from "./console/events.zh.ts";
import { keysEn } from "./console/keys.en.ts";
import { keysZh } from "./console/keys.zh.ts";
import { levelsEn } from "./console/levels.en.ts";
import { levelsZh } from "./console/levels.zh.ts";
import { sessionsEn } from "./console/sessions.en.ts";
import { sessionsZh } from "./console/sessions.zh.ts";
import { signInEn } from "./console/sign-in.en.ts";
import { signInZh } from "./console/sign-in.zh.ts";
import { signaturesEn } from "./console/signatures.en.ts";
import { signaturesZh } from "./console/signatures.zh.ts";
import { titleEn } from "./console/title.en.ts";
import { titleZh } from "./console/title.zh.ts";
import { titlesEn } from "./console/titles.en.ts";
import { titlesZh } from "./console/titles.zh.ts";
import { uploadsEn } from "./console/uploads.en.ts";
import { uploadsZh } from "./console/uploads.zh.ts";
import { workersEn } from "./console/workers.en.ts";
import { workersZh } from "./console/workers.zh.ts";
import { workflowsEn } from "./console/workflows.en.ts";
import { workflowsZh } from "./console/workflows.zh.ts";
import { en } from "./en.ts";
import { translator } from "./i18n.ts";
import { zh } from "./zh.ts";

/** The console's texts, one pair of files for each page; they are apart so that the player's page does not load them. */
export const consoleEn = {
  ...en,
  ...commonEn,
  ...causesEn,
  ...signInEn,
  ...titlesEn,
  ...uploadsEn,
  ...titleEn,
  ...workflowsEn,
  ...workersEn,
  ...levelsEn,
  ...sessionsEn,
  ...eventsEn,
  ...signaturesEn,
  ...keysEn,
  ...auditEn,
  ...appSettingsEn,
};

export type ConsoleKey = keyof typeof consoleEn;

export const consoleZh: Record<ConsoleKey, string> = {
  ...zh,
  ...commonZh,
  ...causesZh,
  ...signInZh,
  ...titlesZh,
  ...uploadsZh,
  ...titleZh,
  ...workflowsZh,
  ...workersZh,
  ...levelsZh,
  ...sessionsZh,
  ...eventsZh,
  ...signaturesZh,
  ...keysZh,
  ...auditZh,
  ...appSettingsZh,
};

export const t = translator<Record<ConsoleKey, string>>({ en: consoleEn, zh: consoleZh });
