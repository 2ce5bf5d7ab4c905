import { call, list, type Page } from "./call.ts";

export interface SigningKey {
  readonly kid: string;
  readonly createdAt: number;
  readonly retiredAt: number | null;
}

/** Its text is told here and never again. */
export type NewSigningKey = SigningKey & { readonly text: string };

export const SCOPES = ["read", "write", "pack", "sign", "manage"] as const;
export type Scope = (typeof SCOPES)[number];

export interface ApiKey {
  readonly apiKeyId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  readonly retiredAt: number | null;
}

/** Its text is told here and never again. */
export type NewApiKey = ApiKey & { readonly text: string };

export const listSigningKeys = (after: string | null, signal?: AbortSignal): Promise<Page<SigningKey>> =>
  list("signingKeys", "/v1/signing-keys", { query: { after }, signal });

export const createSigningKey = (): Promise<NewSigningKey> =>
  call("POST", "/v1/signing-keys", { body: {}, create: true });

export const retireSigningKey = (kid: string): Promise<null> =>
  call("DELETE", `/v1/signing-keys/${encodeURIComponent(kid)}`);

export const listApiKeys = (after: string | null, signal?: AbortSignal): Promise<Page<ApiKey>> =>
  list("apiKeys", "/v1/api-keys", { query: { after }, signal });

export const createApiKey = (name: string, scopes: readonly Scope[]): Promise<NewApiKey> =>
  call("POST", "/v1/api-keys", { body: { name, scopes }, create: true });

export const revokeApiKey = (apiKeyId: string): Promise<null> =>
  call("DELETE", `/v1/api-keys/${encodeURIComponent(apiKeyId)}`);
