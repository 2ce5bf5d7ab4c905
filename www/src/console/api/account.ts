import { call } from "./call.ts";

export interface User {
  readonly userId: string;
  readonly name: string;
}

export interface AppName {
  readonly appId: number;
  readonly name: string;
}

/** Who is signed in, and what they may use. */
export interface Me {
  readonly user: User;
  readonly apps: readonly AppName[];
}

export const me = (signal?: AbortSignal): Promise<Me> => call("GET", "/v1/me", { signal });

export const signIn = (name: string, password: string): Promise<Me> =>
  call("POST", "/v1/sign-in", { body: { name, password }, anonymous: true });

export const signOut = (): Promise<null> => call("POST", "/v1/sign-out", { body: {}, anonymous: true });

export const changePassword = (current: string, next: string): Promise<null> =>
  call("POST", "/v1/me/password", { body: { current, next } });
