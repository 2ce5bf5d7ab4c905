import type { ComponentType } from "preact";
import type { ConsoleKey } from "../i18n/console.ts";
import { AppSettingsPage } from "./pages/app-settings.tsx";
import { AuditPage } from "./pages/audit.tsx";
import { EventsPage } from "./pages/events.tsx";
import { KeysPage } from "./pages/keys.tsx";
import { SessionsPage } from "./pages/sessions.tsx";
import { SignaturesPage } from "./pages/signatures.tsx";
import { TitlePage } from "./pages/title.tsx";
import { TitlesPage } from "./pages/titles.tsx";
import { WebhookPage } from "./pages/webhook.tsx";
import { WorkersPage } from "./pages/workers.tsx";
import { WorkflowPage } from "./pages/workflow.tsx";
import { WorkflowsPage } from "./pages/workflows.tsx";
import type { IconName } from "./ui/icon.tsx";

export interface Section {
  /** The first part of its addresses. */
  readonly path: string;
  readonly name: ConsoleKey;
  readonly icon: IconName;
  readonly group: "media" | "delivery" | "app";
  readonly page: ComponentType;
  /** Shown for addresses with an id behind the section: `#/titles/abc`. */
  readonly detail?: ComponentType<{ id: string }>;
}

/** The console's sections, in the order of the navigation. */
export const SECTIONS: readonly Section[] = [
  { path: "titles", name: "nav.titles", icon: "titles", group: "media", page: TitlesPage, detail: TitlePage },
  {
    path: "workflows",
    name: "nav.workflows",
    icon: "workflows",
    group: "media",
    page: WorkflowsPage,
    detail: WorkflowPage,
  },
  { path: "workers", name: "nav.workers", icon: "workers", group: "media", page: WorkersPage },
  { path: "sessions", name: "nav.sessions", icon: "sessions", group: "delivery", page: SessionsPage },
  { path: "events", name: "nav.events", icon: "events", group: "delivery", page: EventsPage, detail: WebhookPage },
  { path: "signatures", name: "nav.signatures", icon: "signatures", group: "delivery", page: SignaturesPage },
  { path: "keys", name: "nav.keys", icon: "keys", group: "app", page: KeysPage },
  { path: "audit", name: "nav.audit", icon: "audit", group: "app", page: AuditPage },
  { path: "settings", name: "nav.settings", icon: "settings", group: "app", page: AppSettingsPage },
];
