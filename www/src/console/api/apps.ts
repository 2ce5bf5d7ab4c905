import { call, list, type Page } from "./call.ts";
import type { BelowMinLevel, Level } from "./levels.ts";

export interface App {
  readonly appId: number;
  readonly name: string;
  /** Where players may be: `example.com`, `*.example.com`. */
  readonly domains: readonly string[];
  readonly maxAgeSecs: number;
  readonly defaultWorkflowId: string | null;
  readonly uploadBytesMax: number;
  /** File name extensions, lower case, without a dot. */
  readonly uploadTypes: readonly string[];
  /** The least level of playback allowed. */
  readonly minLevel: Level;
  readonly belowMinLevel: BelowMinLevel;
  readonly createdAt: number;
}

/** The first signing key and the first API key are told here and never again. */
export type NewApp = App & {
  readonly signingKey: { readonly kid: string; readonly text: string };
  readonly apiKey: { readonly apiKeyId: string; readonly text: string };
};

export type AppChange = Partial<Omit<App, "appId" | "createdAt">>;

export const listApps = (after: string | null, signal?: AbortSignal): Promise<Page<App>> =>
  list("apps", "/v1/apps", { query: { after }, signal });

export const createApp = (name: string): Promise<NewApp> => call("POST", "/v1/apps", { body: { name }, create: true });

export const readApp = (appId: number, signal?: AbortSignal): Promise<App> =>
  call("GET", `/v1/apps/${appId}`, { signal });

export const changeApp = (appId: number, change: AppChange): Promise<App> =>
  call("PATCH", `/v1/apps/${appId}`, { body: change });
