import { call, list, type Page } from "./call.ts";

export const EVENT_TYPES = [
  "upload.completed",
  "title.processing",
  "title.published",
  "title.unpublished",
  "title.deleted",
  "key.released",
  "session.revoked",
  "session.suspected",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Something that happened, as webhooks get it. */
export interface Event {
  readonly eventId: string;
  readonly type: EventType;
  readonly at: number;
  readonly appId: number;
  readonly fileId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Webhook {
  readonly webhookId: string;
  readonly url: string;
  /** None means all. */
  readonly types: readonly EventType[];
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Its secret is told here and never again. */
export type NewWebhook = Webhook & { readonly secret: string };

export interface Delivery {
  readonly deliveryId: string;
  readonly eventId: string;
  readonly webhookId: string;
  readonly type: EventType;
  readonly state: "pending" | "delivered" | "failed";
  readonly attempt: number;
  /** When it is tried next; null when it will not be. */
  readonly nextAt: number | null;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly createdAt: number;
  readonly deliveredAt: number | null;
}

const at = (webhookId: string, rest = ""): string => `/v1/webhooks/${encodeURIComponent(webhookId)}${rest}`;

export const listEvents = (
  filter: { readonly fileId?: string; readonly type?: EventType | null },
  after: string | null,
  signal?: AbortSignal,
): Promise<Page<Event>> => list("events", "/v1/events", { query: { ...filter, after }, signal });

export const resendEvent = (eventId: string): Promise<null> =>
  call("POST", `/v1/events/${encodeURIComponent(eventId)}/resend`, { body: {} });

export const listWebhooks = (after: string | null, signal?: AbortSignal): Promise<Page<Webhook>> =>
  list("webhooks", "/v1/webhooks", { query: { after }, signal });

export const readWebhook = (webhookId: string, signal?: AbortSignal): Promise<Webhook> =>
  call("GET", at(webhookId), { signal });

export const createWebhook = (url: string, types: readonly EventType[]): Promise<NewWebhook> =>
  call("POST", "/v1/webhooks", { body: { url, types }, create: true });

export const changeWebhook = (
  webhookId: string,
  change: { readonly url?: string; readonly types?: readonly EventType[]; readonly enabled?: boolean },
): Promise<Webhook> => call("PATCH", at(webhookId), { body: change });

export const deleteWebhook = (webhookId: string): Promise<null> => call("DELETE", at(webhookId));

export const listDeliveries = (
  webhookId: string,
  after: string | null,
  signal?: AbortSignal,
): Promise<Page<Delivery>> => list("deliveries", at(webhookId, "/deliveries"), { query: { after }, signal });

export const resendDelivery = (webhookId: string, deliveryId: string): Promise<Delivery> =>
  call("POST", at(webhookId, `/deliveries/${encodeURIComponent(deliveryId)}/resend`), { body: {} });
